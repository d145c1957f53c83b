//! The cookie by hand: 43 characters, as long as a session's.

use axum::http::{HeaderName, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const LENGTH: usize = 43;
const KEY_LENGTH: usize = 22;
const SECRET_LENGTH: usize = 16;

/// Where the record lies, and what proves that the client may have it.
#[derive(Clone, Copy)]
pub(crate) struct Id<'a> {
    pub(crate) key: &'a str,
    pub(crate) secret: &'a str,
}

impl<'a> Id<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self { key: &text[..KEY_LENGTH], secret: &text[text.len() - SECRET_LENGTH..] }
    }
}

pub(crate) fn find(header: &str) -> Option<Id<'_>> {
    header
        .split("; ")
        .find_map(|pair| pair.strip_prefix("id="))
        .filter(|text| text.len() == LENGTH && text.is_ascii())
        .map(Id::of)
}

pub(crate) fn new() -> Option<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

pub(crate) fn headers(id: &str) -> [(HeaderName, String); 2] {
    let cookie = format!("id={id}; Path=/; HttpOnly; SameSite=Lax");
    [(header::SET_COOKIE, cookie), (header::CACHE_CONTROL, "no-store".to_owned())]
}
