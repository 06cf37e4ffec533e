mod action;
mod view;
pub use action::*;
pub use view::*;
