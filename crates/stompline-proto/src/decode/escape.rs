use crate::Version;

/// Undoes the escapes of STOMP 1.1 or 1.2 ("Value Encoding"): `out` becomes the text without them.
/// `None` if there is one that the version does not have.
pub(super) fn undo(text: &str, version: Version, out: &mut String) -> Option<()> {
    out.clear();
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        out.push(match rest.as_bytes().get(at + 1)? {
            b'\\' => '\\',
            b'n' => '\n',
            b'c' => ':',
            b'r' if version >= Version::V1_2 => '\r',
            _ => return None,
        });
        rest = &rest[at + 2..];
    }
    out.push_str(rest);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undone(text: &str, version: Version) -> Option<String> {
        let mut out = String::from("old");
        undo(text, version, &mut out).map(|()| out)
    }

    #[test]
    fn escapes_follow_the_version() {
        let table = [
            ("", Some(""), Some("")),
            (r"plain", Some("plain"), Some("plain")),
            (r"\n\c\\", Some("\n:\\"), Some("\n:\\")),
            (r"a\rb", None, Some("a\rb")),
            (r"\\r", Some("\\r"), Some("\\r")),
            (r"\\\\", Some("\\\\"), Some("\\\\")),
            (r"\\\n", Some("\\\n"), Some("\\\n")),
            (r"é\cü", Some("é:ü"), Some("é:ü")),
            (r"\t", None, None),
            (r"\N", None, None),
            (r"end\", None, None),
            (r"\\\", None, None),
            (r"\é", None, None),
        ];
        for (text, v1_1, v1_2) in table {
            assert_eq!(
                undone(text, Version::V1_1).as_deref(),
                v1_1,
                "{text} in 1.1"
            );
            assert_eq!(
                undone(text, Version::V1_2).as_deref(),
                v1_2,
                "{text} in 1.2"
            );
        }
    }
}
