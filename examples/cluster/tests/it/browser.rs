//! As much of a browser as it takes: cookies are kept, redirects are not followed.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use serde_json::Value;

#[derive(Clone, Default)]
pub(crate) struct Browser {
    cookies: BTreeMap<String, String>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    headers: Vec<(String, String)>,
}

impl Browser {
    pub(crate) fn get(&mut self, port: u16, path: &str) -> Answer {
        self.send(port, "GET", path, "").unwrap()
    }

    pub(crate) fn post(&mut self, port: u16, path: &str, form: &str) -> Answer {
        self.send(port, "POST", path, form).unwrap()
    }

    /// What `/session.json` says.
    pub(crate) fn session(&mut self, port: u16) -> Value {
        let answer = self.get(port, "/session.json");
        assert_eq!(answer.status, 200);
        serde_json::from_str(&answer.body).unwrap()
    }

    pub(crate) fn cookie(&self) -> Option<&str> {
        self.cookies.get("id").map(String::as_str)
    }

    pub(crate) fn send(&mut self, port: u16, method: &str, path: &str, form: &str) -> io::Result<Answer> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies =
            if cookies.is_empty() { String::new() } else { format!("Cookie: {}\r\n", cookies.join("; ")) };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookies}Connection: close\r\nContent-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let answer = Answer::parse(&text).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.keep_cookies(&answer);
        Ok(answer)
    }

    fn keep_cookies(&mut self, answer: &Answer) {
        for set in answer.all("set-cookie") {
            let (name, rest) = set.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

impl Answer {
    fn parse(text: &str) -> Option<Self> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let header = |(name, value): (&str, &str)| (name.to_ascii_lowercase(), value.to_owned());
        let headers = lines.filter_map(|line| line.split_once(": ")).map(header).collect();
        Some(Self { status, headers, body: body.to_owned() })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(it, _)| it == name).map(|(_, value)| value.as_str())
    }
}
