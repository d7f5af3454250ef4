//! The contents that a process holds: those attached to the state of an operation, and those it read last.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::EngineError;

/// A content after it was read.
pub type Loaded = Arc<dyn Any + Send + Sync>;

/// The contents attached to the state of an operation.
#[derive(Clone, Default)]
pub(crate) struct Attached(Arc<BTreeMap<String, Loaded>>);

impl fmt::Debug for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Attached {
    pub(crate) fn has(&self, digest: &str) -> bool {
        self.0.contains_key(digest)
    }
    pub(crate) fn attach(&mut self, digest: &str, content: Loaded) {
        Arc::make_mut(&mut self.0).insert(digest.to_owned(), content);
    }
    pub(crate) fn get<T: Send + Sync + 'static>(&self, digest: &str) -> Result<Arc<T>, EngineError> {
        let content = self.0.get(digest).cloned().and_then(|content| content.downcast().ok());
        content.ok_or_else(|| EngineError::Corrupt(format!("content {digest} was not read")))
    }
}

/// How many contents a process caches. The largest have some megabytes.
const REMEMBERED: usize = 32;

/// The contents that this process read last, for all operations.
#[derive(Default)]
pub struct ContentCache(Mutex<VecDeque<(String, Loaded)>>);

impl ContentCache {
    /// A cached content.
    pub fn get(&self, digest: &str) -> Option<Loaded> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = known.iter().position(|(known, _)| known == digest)?;
        let found = known.remove(at)?;
        let content = Arc::clone(&found.1);
        known.push_back(found);
        Some(content)
    }

    /// Caches a content and drops the least recently used one.
    pub fn keep(&self, digest: &str, content: Loaded) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(known, _)| known != digest);
        known.push_back((digest.to_owned(), content));
        while known.len() > REMEMBERED {
            known.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_drops_the_least_recently_used_content() {
        let cache = ContentCache::default();
        for number in 0..REMEMBERED {
            cache.keep(&number.to_string(), Arc::new(number));
        }
        assert!(cache.get("0").is_some());
        cache.keep("new", Arc::new(0_usize));
        assert!(cache.get("0").is_some() && cache.get("new").is_some());
        assert!(cache.get("1").is_none());
    }

    #[test]
    fn a_content_that_was_not_attached_is_an_error() {
        let mut attached = Attached::default();
        assert!(attached.get::<usize>("a").unwrap_err().is_corrupt());
        attached.attach("a", Arc::new(7_usize));
        assert_eq!(*attached.get::<usize>("a").unwrap(), 7);
        assert!(attached.get::<String>("a").unwrap_err().is_corrupt(), "of another type");
    }
}
