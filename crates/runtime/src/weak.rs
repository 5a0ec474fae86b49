//! Lists of things that others own.

use std::sync::{Arc, Weak};

/// Adds to a list that does not keep alive what is in it. The dead are dropped whenever the list would
/// have to grow, so it stays proportional to the living.
pub(crate) fn push<T>(list: &mut Vec<Weak<T>>, item: &Arc<T>) {
    if list.len() == list.capacity() {
        list.retain(|item| item.strong_count() > 0);
    }
    list.push(Arc::downgrade(item));
}
