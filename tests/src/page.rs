//! The page in headless Chromium.
/// A tab.
#[derive(Debug)]
pub struct Page;
