//! SARIF 2.1.0: what forges and editors read.

use serde_json::{json, Value};

use crate::findings::{Check, Severity};

/// The findings of all checks as one document.
pub fn document(command: &str, checks: &[Check]) -> Value {
    let mut rules: Vec<&str> = vec![];
    let mut results = vec![];
    for check in checks {
        for finding in &check.findings {
            let rule = rules
                .iter()
                .position(|rule| *rule == finding.kind)
                .unwrap_or_else(|| {
                    rules.push(finding.kind);
                    rules.len() - 1
                });
            let level = match finding.severity {
                Severity::Error => "error",
                Severity::Warning | Severity::Unchecked => "warning",
                Severity::Note => "note",
            };
            let mut text = if finding.item.is_empty() {
                finding.message.clone()
            } else {
                format!("{}: {}", finding.item, finding.message)
            };
            if let Some(why) = &finding.why {
                text = format!("{text}. {why}");
            }
            let mut result = json!({
                "ruleId": finding.kind,
                "ruleIndex": rule,
                "level": level,
                "message": { "text": text },
            });
            if let Some(place) = &finding.place {
                let mut region = json!({ "startLine": place.line });
                if place.column > 0 {
                    region["startColumn"] = place.column.into();
                }
                let uri = uri(&place.file.to_string_lossy());
                result["locations"] = json!([{ "physicalLocation": {
                    "artifactLocation": { "uri": uri },
                    "region": region,
                } }]);
            }
            results.push(result);
        }
    }
    let rules: Vec<Value> = rules.iter().map(|rule| json!({ "id": rule })).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": format!("uffd-abi {command}"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            // Columns are counted in characters.
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// A path as a relative reference: what has a meaning there is escaped.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let escape = |byte| {
        if plain(byte) {
            char::from(byte).into()
        } else {
            format!("%{byte:02X}")
        }
    };
    path.bytes().map(escape).collect()
}
