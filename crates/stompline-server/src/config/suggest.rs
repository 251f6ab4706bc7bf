//! The known key that was probably meant.

use std::collections::BTreeSet;

use strsim::normalized_damerau_levenshtein;

use super::key::keys;

/// Below this likeness a suggestion confuses more than it helps.
const LIKENESS_MIN: f64 = 0.6;

/// From this length on, a beginning of a name counts as nearly the name: units are forgotten.
const BEGINNING_CHARS_MIN: usize = 4;

/// The known key most like the unknown `path`, if any is like it.
pub(super) fn nearest_key(path: &str) -> Option<String> {
    nearest(path, keys().map(|key| named_like(key.path, path)))
}

/// The known table most like the unknown `path`, if any is like it.
pub(super) fn nearest_table(path: &str) -> Option<String> {
    let mut tables = BTreeSet::new();
    for key in keys() {
        let concrete = named_like(key.path, path);
        tables.extend(
            concrete
                .match_indices('.')
                .map(|(end, _)| concrete[..end].to_owned()),
        );
    }
    nearest(path, tables.into_iter())
}

fn nearest(path: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    candidates
        .map(|candidate| (likeness(path, &candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// How alike two paths are, from 0 to 1. The right key in the wrong table is nearly right, and in
/// the right table only the last part counts, or a long table name would hide any misspelling.
fn likeness(path: &str, candidate: &str) -> f64 {
    let (table, name) = path.rsplit_once('.').unwrap_or(("", path));
    let (candidate_table, candidate_name) = candidate.rsplit_once('.').unwrap_or(("", candidate));
    if table == candidate_table {
        let begun = name.len() >= BEGINNING_CHARS_MIN && candidate_name.starts_with(name);
        let likeness = normalized_damerau_levenshtein(name, candidate_name);
        return if begun { likeness.max(0.8) } else { likeness };
    }
    let whole = normalized_damerau_levenshtein(path, candidate);
    if name == candidate_name {
        whole.max(0.9)
    } else {
        whole
    }
}

/// Replaces the free name in a row's path by the one that `path` has there.
fn named_like(pattern: &str, path: &str) -> String {
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern.to_owned();
    };
    let given = path
        .strip_prefix(before)
        .and_then(|rest| rest.split('.').next());
    format!("{before}{}{after}", given.unwrap_or("NAME"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_keys_find_the_right_one() {
        let rows = [
            ("lisen", Some("listen")),
            ("chat.rate.custmer_per_s", Some("chat.rate.customer_per_s")),
            ("rate.customer_burst", Some("chat.rate.customer_burst")),
            ("limits.frame_byte", Some("limits.frame_bytes")),
            ("endpoints.partner.pth", Some("endpoints.partner.path")),
            ("auth.keys[].kidd", Some("auth.keys[].kid")),
            ("quite.another.thing", None),
        ];
        for (path, expected) in rows {
            assert_eq!(nearest_key(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn misspelt_tables_find_the_right_one() {
        assert_eq!(nearest_table("limit").as_deref(), Some("limits"));
        assert_eq!(nearest_table("chat.rates").as_deref(), Some("chat.rate"));
        assert_eq!(nearest_table("rabbit"), None);
    }
}
