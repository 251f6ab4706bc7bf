//! What hooks and handlers remember for a session.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

/// Named JSON values and one value of each Rust type, for the life of a session.
///
/// Handshake interceptors fill it, handlers read and change it. Clones share the content. While it is
/// empty it costs one small allocation. Clients have no way to write to it, so it has no limit of its
/// own.
#[derive(Clone, Default)]
pub struct Attributes(Arc<Mutex<Option<Box<Content>>>>);

#[derive(Default)]
struct Content {
    named: Map<String, Value>,
    typed: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl Attributes {
    /// No attributes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the attribute called `name` and returns what it was before.
    pub fn insert(&self, name: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.lock()
            .get_or_insert_default()
            .named
            .insert(name.into(), value.into())
    }

    /// A copy of the attribute called `name`.
    pub fn value(&self, name: &str) -> Option<Value> {
        self.lock().as_ref()?.named.get(name).cloned()
    }

    /// Takes the attribute called `name` out.
    pub fn remove(&self, name: &str) -> Option<Value> {
        self.lock().as_mut()?.named.remove(name)
    }

    /// Sets the one value of type `T` and returns what it was before.
    pub fn insert_typed<T: Send + Sync + 'static>(&self, value: T) -> Option<Arc<T>> {
        let before = self
            .lock()
            .get_or_insert_default()
            .typed
            .insert(TypeId::of::<T>(), Arc::new(value));
        before.and_then(|any| any.downcast().ok())
    }

    /// The one value of type `T`.
    pub fn typed<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let any = self.lock().as_ref()?.typed.get(&TypeId::of::<T>()).cloned();
        any.and_then(|any| any.downcast().ok())
    }

    /// The one value of type `T`, made by `make` at the first call in this session.
    ///
    /// `make` runs under the lock of these attributes: it must not use them.
    pub fn typed_or_insert_with<T: Send + Sync + 'static>(
        &self,
        make: impl FnOnce() -> T,
    ) -> Arc<T> {
        let mut content = self.lock();
        let typed = &mut content.get_or_insert_default().typed;
        let known = typed.get(&TypeId::of::<T>()).cloned();
        known
            .and_then(|any| any.downcast().ok())
            .unwrap_or_else(|| {
                let made = Arc::new(make());
                typed.insert(
                    TypeId::of::<T>(),
                    Arc::clone(&made) as Arc<dyn Any + Send + Sync>,
                );
                made
            })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lock()
            .as_ref()
            .is_none_or(|content| content.named.is_empty() && content.typed.is_empty())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<Content>>> {
        // Every change is a single insertion or removal, so a panic leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Attributes {
    /// Names only: values may be confidential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = self.lock();
        let names = content.iter().flat_map(|content| content.named.keys());
        f.debug_set().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Visits(u32);

    #[test]
    fn clones_share_what_is_inserted() {
        let attributes = Attributes::new();
        let seen_by_handler = attributes.clone();
        assert!(attributes.is_empty());
        assert_eq!(attributes.insert("site", "s1"), None);
        assert_eq!(attributes.insert("site", "s2"), Some("s1".into()));
        assert_eq!(seen_by_handler.value("site"), Some("s2".into()));
        assert_eq!(seen_by_handler.remove("site"), Some("s2".into()));
        assert!(attributes.is_empty());
    }

    #[test]
    fn typed_value_is_made_once() {
        let attributes = Attributes::new();
        assert!(attributes.typed::<Visits>().is_none());
        assert_eq!(*attributes.typed_or_insert_with(|| Visits(1)), Visits(1));
        assert_eq!(*attributes.typed_or_insert_with(|| Visits(2)), Visits(1));
        assert_eq!(
            attributes.insert_typed(Visits(3)).as_deref(),
            Some(&Visits(1))
        );
        assert_eq!(attributes.typed::<Visits>().as_deref(), Some(&Visits(3)));
    }

    #[test]
    fn debug_shows_names_only() {
        let attributes = Attributes::new();
        attributes.insert("card", "4111111111111111");
        assert_eq!(format!("{attributes:?}"), "{\"card\"}");
    }
}
