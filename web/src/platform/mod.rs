//! The browser behind small functions: storage, address bar, clipboard, timers. Nothing here knows the cluster.

pub mod clipboard;
pub mod db;
pub mod picked;
pub mod rest;
pub mod storage;
pub mod texts;
pub mod timers;
pub mod url;
pub mod worker;
