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
    asked: Asked,
}

impl Measured {
    pub(crate) fn new(answered: &Answered, server: Duration, store: Duration, asked: Asked) -> Self {
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
        self.rounds.iter().map(|(subject, base)| subject.cpu() / base.cpu()).collect()
    }
}

type Figure = fn(&Measured) -> f64;

pub(crate) fn markdown(rows: &[Row], options: &Options) -> String {
    let mut text = format!(
        "CPU time a request of server and store together, against the base; the median of {} rounds of {} s, the \
         rounds'\nsmallest and largest ratio beside it. 64 connections, {} sessions.\n\n\
         | workload | base | ratio | goal | server µs | base | store µs | base | requests/s | base | p99 ms | base |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        options.rounds,
        options.seconds.as_secs(),
        options.sessions,
    );
    for row in rows {
        let ratios = row.ratios();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        let goal = row.workload.goal.map_or_else(String::new, |goal| format!("{goal}"));
        let _ = write!(
            text,
            "| {} | {} | **{:.2}** ({least:.2}-{most:.2}) | {goal} |",
            row.workload.name,
            row.workload.base.name(),
            median(ratios),
        );
        let figures: [(Figure, usize); 4] = [
            (|measured| measured.server_micros, 1),
            (|measured| measured.store_micros, 1),
            (|measured| measured.requests_a_second, 0),
            (|measured| measured.p99_millis, 1),
        ];
        for (figure, digits) in figures {
            let _ = write!(text, " {:.digits$} | {:.digits$} |", row.subject(figure), row.base(figure));
        }
        text.push('\n');
    }
    text.push_str(
        "\nWhat one such request asks of the store, by Redis' own counters; what scripts call is among the commands.\n\n\
         | workload | server | round trips | commands | bytes sent | bytes received |\n|---|---|--:|---|--:|--:|\n",
    );
    for row in rows {
        let Some((subject, base)) = row.rounds.last() else { continue };
        let kinds = [(row.workload.subject, subject), (row.workload.base, base)];
        for (kind, Measured { asked, .. }) in kinds.into_iter().filter(|(_, it)| it.asked.round_trips > 0) {
            let Asked { round_trips, commands, sent, received } = asked;
            let _ = writeln!(
                text,
                "| {} | {} | {round_trips} | {commands} | {sent} | {received} |",
                row.workload.name,
                kind.name()
            );
        }
    }
    text
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
