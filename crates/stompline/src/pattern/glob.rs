//! One segment with `*` in it, against a name, another glob, or both.
//!
//! A segment begins with its separator, which is compared like any other byte. Bytes are compared,
//! not characters: a `*` may be thought to end inside a character, but what is left over must match
//! whole characters of valid UTF-8, so the answers are those for characters.

/// Whether `glob` matches `name`, where `*` stands for any text, also none.
///
/// Linear for one `*`, at worst the product of the lengths: on a mismatch only the latest `*` has to
/// grow, since an earlier one could gain nothing by it.
pub(crate) fn matches(glob: &str, name: &str) -> bool {
    let (glob, name) = (glob.as_bytes(), name.as_bytes());
    let (mut g, mut n) = (0, 0);
    let mut retry = None;
    while n < name.len() {
        match glob.get(g) {
            Some(b'*') => {
                retry = Some((g + 1, n));
                g += 1;
            }
            Some(byte) if *byte == name[n] => {
                g += 1;
                n += 1;
            }
            _ => {
                let Some((after_star, from)) = retry else {
                    return false;
                };
                retry = Some((after_star, from + 1));
                (g, n) = (after_star, from + 1);
            }
        }
    }
    glob[g..].iter().all(|byte| *byte == b'*')
}

/// Whether every text that `inner` matches is matched by `outer`.
///
/// A `*` of `inner` may turn into a letter that `outer` does not have, so only a `*` of `outer` can
/// take it; and what can take that letter can take any text. So `inner` is matched as if its `*` were
/// such a letter, which `matches` does: a literal byte of a glob is never `*`.
pub(crate) fn contains(outer: &str, inner: &str) -> bool {
    matches(outer, inner)
}

/// Whether some text is matched by both.
///
/// Dynamic programming over one row: `row[j]` says whether the globs read so far, `a[..i]` and
/// `b[..j]`, have a text in common.
pub(crate) fn overlaps(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if !a.contains(&b'*') && !b.contains(&b'*') {
        return a == b;
    }
    let mut row = Vec::with_capacity(b.len() + 1);
    row.push(true);
    for (j, &y) in b.iter().enumerate() {
        row.push(row[j] && y == b'*');
    }
    for &x in a {
        let mut diagonal = row[0];
        row[0] = row[0] && x == b'*';
        for (j, &y) in b.iter().enumerate() {
            let above = row[j + 1];
            let left = row[j];
            // A `*` either ends here, or takes what the other glob has next.
            row[j + 1] = if x == b'*' || y == b'*' {
                above || left
            } else {
                diagonal && x == y
            };
            diagonal = above;
        }
    }
    row[b.len()]
}
