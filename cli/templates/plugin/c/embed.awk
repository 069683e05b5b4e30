# Turns manifest.json into a C header: every "page": "FILE" becomes the text of
# that file. Plain POSIX awk.

function escaped(text,    out, i, c) {
    out = ""
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "\\" || c == "\"") out = out "\\" c
        else if (c == "\t") out = out "\\t"
        else if (c != "\r") out = out c
    }
    return out
}

# One C string of JSON text.
function put(json) {
    printf "  \"%s\",\n", escaped(json)
}

BEGIN {
    print "/* Made from manifest.json and its pages; do not edit. */"
    print "static const char *const manifest_json[] = {"
}

{
    line = $0
    while (match(line, /"page": *"[^"]*"/)) {
        put(substr(line, 1, RSTART - 1) "\"page\": \"")
        file = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        sub(/^"page": *"/, "", file)
        sub(/"$/, "", file)
        lines = 0
        while ((getline text < file) > 0) {
            put(escaped(text) "\\n")
            lines++
        }
        close(file)
        if (lines == 0) {
            print "could not read " file > "/dev/stderr"
            exit 1
        }
        put("\"")
    }
    put(line)
}

END {
    print "  0};"
}
