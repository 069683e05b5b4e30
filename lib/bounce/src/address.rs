//! Mailboxes as reports write them.

/// The longest mailbox (RFC 5321 §4.5.3.1.3), with room for UTF-8.
const LONGEST: usize = 320;

/// The mailbox that is all of `text`, marks around it left out: `<a@b>`,
/// `"a b"@c`, `rfc822;a@b`, `'a@b'.`, `mailto:a@b`.
pub(crate) fn mailbox(text: &str) -> Option<&str> {
    let text = text.trim();
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    let text = match (text.find('<'), text.find('>')) {
        (Some(open), Some(close)) if open < close => &text[open + 1..close],
        _ => text,
    };
    let bare = text.trim_matches(|c: char| c.is_whitespace() || "<>[](){},;:'`.!?*|‘’“”「」".contains(c));
    let bare = bare.strip_prefix("mailto:").unwrap_or(bare);
    is_mailbox(bare).then_some(bare)
}

/// Whether `text` is `local@domain` and nothing else.
pub(crate) fn is_mailbox(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let quoted = local.len() >= 2 && local.starts_with('"') && local.ends_with('"');
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>(),;:\\\"[]@".contains(c);
    text.len() <= LONGEST
        && !local.is_empty()
        && (quoted || local.chars().all(plain))
        && !domain.is_empty()
        && !domain.starts_with(['.', '-'])
        && !domain.ends_with(['.', '-'])
        && (domain.starts_with('[')
            || domain.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_') || !c.is_ascii()))
}

/// The mailboxes in running text, in order, each once.
pub(crate) fn mailboxes_in(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    let mut from = 0;
    let ends = |c: char| c.is_whitespace() || c.is_control() || "<>()[]{},;:\"'`|=「」（）".contains(c);
    while let Some(at) = text[from..].find('@').map(|at| from + at) {
        let start = text[..at].rfind(ends).map_or(0, |end| end + text[end..].chars().next().map_or(1, char::len_utf8));
        let end = text[at + 1..].find(ends).map_or(text.len(), |end| at + 1 + end);
        let word = text[start.max(from.min(start))..end].trim_end_matches(['.', '!', '?', '\'']);
        if is_mailbox(word) && !found.contains(&word) {
            found.push(word);
        }
        from = (at + 1).max(end.min(text.len()));
        if found.len() >= 64 {
            break;
        }
    }
    found
}

/// The mailbox of a field of a delivery report: `type;address` (RFC 3464
/// §2.3.1); of type `utf-8`, with its escapes `\x{3B4}` undone (RFC 6533 §3).
pub(crate) fn of_field(value: &str) -> Option<String> {
    let (kind, rest) = match value.split_once(';') {
        Some((kind, rest)) if !kind.contains('@') => (kind.trim(), rest.trim()),
        _ => ("", value.trim()),
    };
    if kind.eq_ignore_ascii_case("utf-8") && rest.contains("\\x{") {
        return mailbox(&unescaped(rest)).map(str::to_owned);
    }
    // What a report calls an address is one, even with a domain that cannot be.
    let lenient = || {
        let bare = rest.trim_matches(['<', '>', ' ']);
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>()\"".contains(c);
        let (local, domain) = bare.rsplit_once('@')?;
        let fits = bare.len() <= LONGEST && !local.is_empty() && !domain.is_empty() && bare.chars().all(plain);
        fits.then_some(bare)
    };
    mailbox(rest).or_else(lenient).map(str::to_owned)
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x{") {
        out.push_str(before);
        let character = after.split_once('}').and_then(|(hex, after)| {
            let number = u32::from_str_radix(hex, 16).ok().filter(|_| hex.len() <= 6)?;
            char::from_u32(number).map(|c| (c, after))
        });
        rest = match character {
            Some((c, after)) => {
                out.push(c);
                after
            }
            None => {
                out.push_str("\\x{");
                after
            }
        };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailboxes_are_found_in_all_their_dress() {
        for (text, expected) in [
            ("<a@b.example>", Some("a@b.example")),
            ("  a@b.example.", Some("a@b.example")),
            ("\"a b\"@c.example", Some("\"a b\"@c.example")),
            ("a@b.example<mailto:a@b.example>", Some("a@b.example")),
            ("'a@b.example':", Some("a@b.example")),
            ("|/usr/bin/x a@b.example /y", None),
            ("a@", None),
            ("@b", None),
            ("a b@c.example", None),
            ("", None),
        ] {
            assert_eq!(mailbox(text), expected, "{text}");
        }
        assert_eq!(of_field("rfc822; a@b.example").as_deref(), Some("a@b.example"));
        assert_eq!(of_field("utf-8; \\x{3B4}@b.example").as_deref(), Some("δ@b.example"));
        assert_eq!(of_field("utf-8; \\x{zz}\\x{D800}@b.example"), None, "no characters");
        assert_eq!(of_field("utf-8;δ@b.example").as_deref(), Some("δ@b.example"));
        assert_eq!(of_field("<a@b.example>").as_deref(), Some("a@b.example"));
        assert_eq!(of_field("rfc822; a@#b.example").as_deref(), Some("a@#b.example"));
        assert_eq!(of_field("rfc822; a b@#b.example"), None);
        assert_eq!(mailboxes_in("to <a@b.example>, c@d.example. and a@b.example; x@"), ["a@b.example", "c@d.example"]);
    }
}
