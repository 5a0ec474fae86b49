//! What the bindings of languages have in common, as they use it.

mod lender;
