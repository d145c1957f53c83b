//! As much HTTP as it takes to prepare sessions.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::Result;
use crate::process::local;

pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `name=value` of the Set-Cookie header.
    pub(crate) cookie: Option<String>,
    pub(crate) body: String,
}

pub(crate) fn get(port: u16, path: &str, cookie: Option<&str>) -> Result<Answer> {
    let mut stream = TcpStream::connect(local(port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let cookie = cookie.map_or_else(String::new, |cookie| format!("Cookie: {cookie}\r\n"));
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{cookie}Connection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    parse(&text).ok_or_else(|| format!("GET {path}: this is no HTTP answer: {text:?}").into())
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let cookie = lines
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
        .and_then(|(_, value)| value.split(';').next())
        .map(str::to_owned);
    Some(Answer { status, cookie, body: body.to_owned() })
}
