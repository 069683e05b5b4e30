//! Schemas of settings: whether one can be used, and whether settings fit it.
//!
//! The schema of a plugin is its own word. One that refers to itself over and
//! over would keep us busy for ever, so that it is bounded before it is used.

use serde_json::Value;

use crate::suggest::hint;

/// How many parts of a schema may bear on one value.
const PARTS: usize = 1_000;
/// How many steps may be taken to count them all.
const STEPS: usize = 1_000_000;

/// Why `schema` cannot be used to hold settings against; `None` when it can.
pub fn schema_fault(schema: &Value) -> Option<String> {
    if schema.is_null() {
        return None;
    }
    let mut steps = STEPS;
    everywhere(schema, schema, true, &mut steps)
        .err()
        .or_else(|| jsonschema::validator_for(schema).err().map(|error| error.to_string()))
}

/// Walks through all parts of a schema; says what in it makes it cost too much.
fn everywhere(root: &Value, part: &Value, top: bool, steps: &mut usize) -> Result<(), String> {
    match part {
        Value::Object(members) => {
            if let Some(word) = ["$id", "$dynamicRef", "$recursiveRef"].into_iter().find(|word| {
                // Below `properties` and the like these are names, and what they name is no text.
                members.get(*word).is_some_and(Value::is_string) && !(top && *word == "$id")
            }) {
                return Err(format!("it has `{word}`; refer to a part of it with `$ref` and a pointer"));
            }
            let mut parts = PARTS;
            bearing(root, part, &mut parts)?;
            *steps = steps.saturating_sub(PARTS - parts);
            if *steps == 0 {
                return Err("it has too many parts".to_owned());
            }
            members.values().try_for_each(|member| everywhere(root, member, false, steps))
        }
        Value::Array(items) => items.iter().try_for_each(|item| everywhere(root, item, false, steps)),
        _ => Ok(()),
    }
}

/// Counts the parts that bear on one value together with `part`.
fn bearing(root: &Value, part: &Value, left: &mut usize) -> Result<(), String> {
    let Some(members) = part.as_object() else { return Ok(()) };
    *left = left
        .checked_sub(1)
        .filter(|left| *left > 0)
        .ok_or_else(|| format!("more than {PARTS} parts of it bear on one value, by `$ref`, `allOf` and the like"))?;
    if let Some(name) = members.get("$ref").and_then(Value::as_str) {
        let pointer = name.strip_prefix('#').filter(|pointer| pointer.is_empty() || pointer.starts_with('/'));
        let target = pointer.and_then(|pointer| root.pointer(pointer));
        bearing(root, target.ok_or_else(|| format!("its `$ref` to `{name}` leads nowhere in it"))?, left)?;
    }
    for word in ["allOf", "anyOf", "oneOf"] {
        let all = members.get(word).and_then(Value::as_array);
        all.into_iter().flatten().try_for_each(|one| bearing(root, one, left))?;
    }
    for word in ["not", "if", "then", "else"] {
        members.get(word).map_or(Ok(()), |one| bearing(root, one, left))?;
    }
    let depending = members.get("dependentSchemas").or_else(|| members.get("dependencies"));
    let depending = depending.and_then(Value::as_object);
    depending.into_iter().flat_map(|all| all.values()).try_for_each(|one| bearing(root, one, left))
}

/// Where `settings` do not fit `schema`: JSON pointer and message of the
/// first misfit; `None` when they fit.
pub fn misfit(schema: &Value, settings: &Value) -> Option<(String, String)> {
    if schema.is_null() {
        return None;
    }
    let validator = match jsonschema::validator_for(schema) {
        Ok(validator) => validator,
        Err(error) => return Some((String::new(), format!("the check's own schema cannot be used: {error}"))),
    };
    let error = validator.iter_errors(settings).next()?;
    let mut message = error.to_string();
    if let jsonschema::error::ValidationErrorKind::AdditionalProperties { unexpected } = error.kind()
        && let Some(key) = unexpected.first()
    {
        // The keyword that refused it stands beside the properties that there are.
        let place = error.schema_path().to_string();
        let place = place.rsplit_once('/').map_or("", |(place, _)| place);
        let known = referred(schema, place).and_then(|part| part.get("properties")).and_then(Value::as_object);
        let names = || known.into_iter().flat_map(|properties| properties.keys().map(String::as_str));
        message = format!("there is no setting `{key}`{}", hint(key, names()));
        let key = key.replace('~', "~0").replace('/', "~1");
        return Some((format!("{}/{key}", error.instance_path()), message));
    }
    Some((error.instance_path().to_string(), message))
}

/// The part of `schema` at `pointer`, which may lead through references.
fn referred<'a>(schema: &'a Value, pointer: &str) -> Option<&'a Value> {
    let mut part = schema;
    for key in keys(pointer) {
        part = match (key.as_str(), part.get("$ref").and_then(Value::as_str)) {
            ("$ref", Some(name)) => schema.pointer(name.strip_prefix('#')?)?,
            _ => part.get(&key).or_else(|| part.get(key.parse::<usize>().ok()?))?,
        };
    }
    Some(part)
}

/// The keys of a JSON pointer (RFC 6901).
pub(crate) fn keys(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_as_they_are_written_can_be_used() {
        for schema in [
            json!({ "type": "object", "properties": { "$ref": { "type": "string" }, "$id": { "type": "string" } } }),
            json!({ "$id": "https://a.example/s", "$ref": "#/$defs/a", "$defs": { "a": { "minimum": 1 } } }),
            // A list that holds lists like itself.
            json!({ "properties": { "more": { "type": "array", "items": { "$ref": "#" } } } }),
        ] {
            assert_eq!(schema_fault(&schema), None, "{schema}");
        }
    }

    #[test]
    fn schemas_that_would_cost_for_ever_are_refused_at_once() {
        let twice = |n: usize| {
            let next = json!({ "$ref": format!("#/$defs/{}", n + 1) });
            (n.to_string(), json!({ "allOf": [next, next] }))
        };
        let mut all: serde_json::Map<String, Value> = (0..40).map(twice).collect();
        all.insert("40".to_owned(), json!({ "minimum": 1 }));
        let laughs = json!({ "$ref": "#/$defs/0", "$defs": all });
        for (schema, why) in [
            (laughs, "bear on one value"),
            (json!({ "allOf": [{ "$ref": "#" }] }), "bear on one value"),
            (json!({ "$ref": "#a", "$defs": { "a": { "$anchor": "a" } } }), "leads nowhere"),
            (json!({ "$defs": { "a": { "$id": "b", "allOf": [{ "$ref": "#" }] } } }), "it has `$id`"),
        ] {
            assert!(schema_fault(&schema).unwrap().contains(why), "{schema}: {:?}", schema_fault(&schema));
        }
    }
}
