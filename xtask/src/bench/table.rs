//! The rounds as a table of medians.

use std::fmt::Write as _;
use std::time::Duration;

use super::asked::Asked;
use super::load::Answered;
use super::options::Options;
use super::workloads::Workload;

/// One server in one round.
pub(crate) struct Measured {
    server_micros: f64,
    store_micros: f64,
    requests_a_second: f64,
    p99_millis: f64,
    asked: Option<Asked>,
}

impl Measured {
    pub(crate) fn new(answered: &Answered, server: Duration, store: Duration, asked: Option<Asked>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "no run answers 2^53 requests")]
        let requests = answered.requests as f64;
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / requests;
        Self {
            server_micros: micros(server),
            store_micros: micros(store),
            requests_a_second: requests / answered.seconds,
            p99_millis: answered.p99.as_secs_f64() * 1e3,
            asked,
        }
    }

    /// The CPU time a request, of server and store together.
    pub(crate) fn cpu(&self) -> f64 {
        self.server_micros + self.store_micros
    }
}

/// All rounds of a workload.
pub(crate) struct Row {
    pub(crate) workload: &'static Workload,
    rounds: Vec<(Measured, Measured)>,
}

impl Row {
    pub(crate) fn new(workload: &'static Workload) -> Self {
        Self { workload, rounds: Vec::new() }
    }

    pub(crate) fn add(&mut self, subject: Measured, base: Measured) {
        self.rounds.push((subject, base));
    }

    fn subject(&self, figure: impl Fn(&Measured) -> f64) -> f64 {
        median(self.rounds.iter().map(|(subject, _)| figure(subject)).collect())
    }

    fn base(&self, figure: impl Fn(&Measured) -> f64) -> f64 {
        median(self.rounds.iter().map(|(_, base)| figure(base)).collect())
    }

    fn ratios(&self) -> Vec<f64> {
        self.rounds.iter().map(|(subject, base)| self.workload.ratio(subject, base)).collect()
    }

    /// How many times more requests are answered than by the base.
    fn throughput(&self) -> f64 {
        let times =
            |(subject, base): &(Measured, Measured)| subject.requests_a_second / base.requests_a_second;
        median(self.rounds.iter().map(times).collect())
    }
}

type Figure = fn(&Measured) -> f64;

const FIGURES: [(Figure, usize); 4] = [
    (|measured| measured.server_micros, 1),
    (|measured| measured.store_micros, 1),
    (|measured| measured.requests_a_second, 0),
    (|measured| measured.p99_millis, 1),
];

pub(crate) fn markdown(rows: &[Row], options: &Options) -> String {
    let (peers, bases): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.workload.base.is_peer());
    let mut text = format!(
        "The median of {} rounds of {} s, the rounds' smallest and largest ratio beside it. 64 connections, {} \
         sessions.\n",
        options.rounds,
        options.seconds.as_secs(),
        options.sessions,
    );
    if !bases.is_empty() {
        text.push_str(
            "\nCPU time a request of server and store together, against the base.\n\n\
             | workload | base | ratio | goal | server µs | base | store µs | base | requests/s | base | p99 ms | base |\n\
             |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        for row in &bases {
            row.begin(&mut text);
            row.end(&mut text);
        }
        asked(&bases, &mut text);
    }
    if !peers.is_empty() {
        text.push_str(
            "\nHow many times less CPU time a request takes of server and store together than the peer's, and how many \
             times\nmore requests are answered.\n\n\
             | workload | peer | CPU | goal | requests | server µs | peer | store µs | peer | requests/s | peer | p99 ms | peer |\n\
             |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        for row in &peers {
            row.begin(&mut text);
            let _ = write!(text, " {:.2} |", row.throughput());
            row.end(&mut text);
        }
    }
    text
}

impl Row {
    fn begin(&self, text: &mut String) {
        let ratios = self.ratios();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        let goal = self.workload.goal.map_or_else(String::new, |goal| format!("{goal}"));
        let (name, base) = (self.workload.name, self.workload.base.name());
        let _ =
            write!(text, "| {name} | {base} | **{:.2}** ({least:.2}-{most:.2}) | {goal} |", median(ratios));
    }

    fn end(&self, text: &mut String) {
        for (figure, digits) in FIGURES {
            let _ = write!(text, " {:.digits$} | {:.digits$} |", self.subject(figure), self.base(figure));
        }
        text.push('\n');
    }
}

/// What one request of each workload asks of the store.
fn asked(rows: &[&Row], text: &mut String) {
    text.push_str(
        "\nWhat one such request asks of the store, by Redis' own counters; what scripts call is among the commands.\n\n\
         | workload | server | round trips | commands | bytes sent | bytes received |\n|---|---|--:|---|--:|--:|\n",
    );
    for row in rows {
        let Some((subject, base)) = row.rounds.last() else { continue };
        for (kind, measured) in [(row.workload.subject, subject), (row.workload.base, base)] {
            let Some(asked) = measured.asked.as_ref().filter(|asked| asked.round_trips > 0) else { continue };
            let Asked { round_trips, commands, sent, received } = asked;
            let _ = writeln!(
                text,
                "| {} | {} | {round_trips} | {commands} | {sent} | {received} |",
                row.workload.name,
                kind.name()
            );
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_of_the_sorted_values() {
        assert!((median(vec![9.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0, 2.0, 9.0]) - 3.0).abs() < 1e-9);
    }
}
