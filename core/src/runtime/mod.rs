//! What runs in containers that do not exist: images, processes, files, logs. Behaviour comes from what a manifest says
//! and from a catalogue of well-known images. Must not know pods' statuses or the API.

pub mod files;
pub mod httpd;
pub mod images;
pub mod logs;
pub mod meter;
pub mod nginx;
pub mod shell;
pub mod web;
