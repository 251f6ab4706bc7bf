//! A map from patterns to values that finds all patterns matching a name.

use std::collections::{BTreeMap, HashMap};

use super::segment::{Segments, Separator, is_tail};
use super::{DestinationPattern, glob};

/// A map with [`DestinationPattern`] keys that answers: which of you match this name?
///
/// A trie by segment. A look-up costs one hash per segment for literal segments, and one per distinct
/// length of the text before the first `*` for the others; so it grows with the depth of the name, not
/// with the number of patterns. Removing a pattern frees everything it used.
#[derive(Debug, Clone)]
pub struct PatternMap<T> {
    slash: Node<T>,
    dot: Node<T>,
    len: usize,
}

/// What lies below one sequence of segments.
#[derive(Debug, Clone)]
struct Node<T> {
    /// The value of the pattern that ends here.
    value: Option<T>,
    /// The values of the patterns that end in `**` here, by its separator.
    slash_tail: Option<T>,
    dot_tail: Option<T>,
    literals: HashMap<Box<str>, Node<T>>,
    /// Segments with `*`, by the length of the text before the first `*`, then by that text.
    globs: BTreeMap<usize, HashMap<Box<str>, Vec<GlobChild<T>>>>,
}

#[derive(Debug, Clone)]
struct GlobChild<T> {
    glob: Box<str>,
    node: Node<T>,
}

impl<T> PatternMap<T> {
    /// An empty map. It allocates nothing until the first insertion.
    pub fn new() -> Self {
        Self {
            slash: Node::default(),
            dot: Node::default(),
            len: 0,
        }
    }

    /// Maps `pattern` to `value` and returns what it was mapped to before.
    pub fn insert(&mut self, pattern: &DestinationPattern, value: T) -> Option<T> {
        let slot = self.slot_or_grow(pattern);
        let before = slot.replace(value);
        self.len += usize::from(before.is_none());
        before
    }

    /// The value of exactly this pattern, made by `make` if there is none.
    pub fn entry_or_insert_with(
        &mut self,
        pattern: &DestinationPattern,
        make: impl FnOnce() -> T,
    ) -> &mut T {
        if self.get(pattern).is_none() {
            self.len += 1;
        }
        self.slot_or_grow(pattern).get_or_insert_with(make)
    }

    /// Takes exactly this pattern out.
    pub fn remove(&mut self, pattern: &DestinationPattern) -> Option<T> {
        let (root, segments) = self.root_mut(pattern);
        let value = root.remove(segments)?;
        self.len -= 1;
        Some(value)
    }

    /// The value of exactly this pattern, to be changed.
    pub fn get_mut(&mut self, pattern: &DestinationPattern) -> Option<&mut T> {
        let (root, segments) = self.root_mut(pattern);
        root.find_mut(segments)
    }

    /// The value of exactly this pattern.
    pub fn get(&self, pattern: &DestinationPattern) -> Option<&T> {
        let root = match pattern.separator() {
            Separator::Slash => &self.slash,
            Separator::Dot => &self.dot,
        };
        root.find(pattern.segments())
    }

    /// Calls `visit` with the value of every pattern that matches `name`, each once, in no
    /// particular order.
    pub fn for_each_match<'a>(&'a self, name: &str, mut visit: impl FnMut(&'a T)) {
        if self.len == 0 {
            return;
        }
        self.slash
            .visit(Segments::new(name, Separator::Slash), &mut visit);
        self.dot
            .visit(Segments::new(name, Separator::Dot), &mut visit);
    }

    /// How many patterns there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn slot_or_grow(&mut self, pattern: &DestinationPattern) -> &mut Option<T> {
        let (root, segments) = self.root_mut(pattern);
        let mut node = root;
        for segment in segments {
            if is_tail(segment) {
                return node.tail_mut(segment);
            }
            node = node.child_or_grow(segment);
        }
        &mut node.value
    }

    fn root_mut<'p>(&mut self, pattern: &'p DestinationPattern) -> (&mut Node<T>, Segments<'p>) {
        let root = match pattern.separator() {
            Separator::Slash => &mut self.slash,
            Separator::Dot => &mut self.dot,
        };
        (root, pattern.segments())
    }
}

impl<T> Default for PatternMap<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self {
            value: None,
            slash_tail: None,
            dot_tail: None,
            literals: HashMap::new(),
            globs: BTreeMap::new(),
        }
    }
}

impl<T> Node<T> {
    fn child_or_grow(&mut self, segment: &str) -> &mut Self {
        let Some(prefix) = prefix_of(segment) else {
            return self.literals.entry(Box::from(segment)).or_default();
        };
        let children = self.globs.entry(prefix.len()).or_default();
        let children = children.entry(Box::from(prefix)).or_default();
        let at = children.iter().position(|child| &*child.glob == segment);
        let at = at.unwrap_or_else(|| {
            children.push(GlobChild {
                glob: Box::from(segment),
                node: Self::default(),
            });
            children.len() - 1
        });
        &mut children[at].node
    }

    fn tail_mut(&mut self, tail: &str) -> &mut Option<T> {
        if tail.starts_with('.') {
            &mut self.dot_tail
        } else {
            &mut self.slash_tail
        }
    }

    /// Takes the value at the end of `segments` out, and every node that is then of no use.
    fn remove(&mut self, mut segments: Segments<'_>) -> Option<T> {
        let Some(segment) = segments.next() else {
            return self.value.take();
        };
        if is_tail(segment) {
            return self.tail_mut(segment).take();
        }
        let Some(prefix) = prefix_of(segment) else {
            let child = self.literals.get_mut(segment)?;
            let value = child.remove(segments)?;
            if child.is_unused() {
                self.literals.remove(segment);
                shrink(&mut self.literals);
            }
            return Some(value);
        };
        let by_prefix = self.globs.get_mut(&prefix.len())?;
        let children = by_prefix.get_mut(prefix)?;
        let at = children.iter().position(|child| &*child.glob == segment)?;
        let value = children[at].node.remove(segments)?;
        if children[at].node.is_unused() {
            children.swap_remove(at);
        }
        if children.is_empty() {
            by_prefix.remove(prefix);
            shrink(by_prefix);
        }
        if by_prefix.is_empty() {
            self.globs.remove(&prefix.len());
        }
        Some(value)
    }

    fn find_mut(&mut self, mut segments: Segments<'_>) -> Option<&mut T> {
        let Some(segment) = segments.next() else {
            return self.value.as_mut();
        };
        if is_tail(segment) {
            return self.tail_mut(segment).as_mut();
        }
        let child = match prefix_of(segment) {
            None => self.literals.get_mut(segment)?,
            Some(prefix) => {
                let children = self.globs.get_mut(&prefix.len())?.get_mut(prefix)?;
                &mut children
                    .iter_mut()
                    .find(|child| &*child.glob == segment)?
                    .node
            }
        };
        child.find_mut(segments)
    }

    fn find(&self, mut segments: Segments<'_>) -> Option<&T> {
        let Some(segment) = segments.next() else {
            return self.value.as_ref();
        };
        if is_tail(segment) {
            let tail = if segment.starts_with('.') {
                &self.dot_tail
            } else {
                &self.slash_tail
            };
            return tail.as_ref();
        }
        let child = match prefix_of(segment) {
            None => self.literals.get(segment)?,
            Some(prefix) => {
                let children = self.globs.get(&prefix.len())?.get(prefix)?;
                &children.iter().find(|child| &*child.glob == segment)?.node
            }
        };
        child.find(segments)
    }

    /// Visits all values below that match; as deep as the name has segments, which its length bounds.
    fn visit<'a>(&'a self, mut segments: Segments<'_>, visit: &mut impl FnMut(&'a T)) {
        let next = segments.next();
        let dot_ahead = next.is_some_and(|next| next.starts_with('.'));
        if let (Some(value), true) = (&self.slash_tail, next.is_none() || !dot_ahead) {
            visit(value);
        }
        if let (Some(value), true) = (&self.dot_tail, next.is_none() || dot_ahead) {
            visit(value);
        }
        let Some(segment) = next else {
            self.value.iter().for_each(visit);
            return;
        };
        if let Some(child) = self.literals.get(segment) {
            child.visit(segments.clone(), visit);
        }
        for (&len, by_prefix) in self.globs.range(..=segment.len()) {
            // `get` is `None` inside a character, where no prefix ends.
            let children = segment.get(..len).and_then(|prefix| by_prefix.get(prefix));
            for child in children.into_iter().flatten() {
                if glob::matches(&child.glob, segment) {
                    child.node.visit(segments.clone(), visit);
                }
            }
        }
    }

    fn is_unused(&self) -> bool {
        self.value.is_none()
            && self.slash_tail.is_none()
            && self.dot_tail.is_none()
            && self.literals.is_empty()
            && self.globs.is_empty()
    }
}

/// The text before the first `*`, if there is one.
fn prefix_of(segment: &str) -> Option<&str> {
    segment.split_once('*').map(|(prefix, _)| prefix)
}

/// Gives memory back once a map is mostly empty; the factor keeps the cost of it constant per removal.
fn shrink<K: Eq + std::hash::Hash, V>(map: &mut HashMap<K, V>) {
    if map.capacity() > 16 && map.len() < map.capacity() / 4 {
        map.shrink_to(map.len() * 2);
    }
}
