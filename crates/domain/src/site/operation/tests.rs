//! Parts of a press that counts, and of a mill that only starts and stops.

use super::*;
use crate::id::DeviceId;

fn operations(text: &str) -> Operations {
    let device = DeviceId::new("press-1").unwrap();
    let source = SourceId::new("plc").unwrap();
    let settings: OperationSettings = toml_like(text);
    let mut inputs = Vec::new();
    let mut place = |name: &String| {
        let channel = ChannelId::new(&device, &source, &PointId::new(name).unwrap());
        if !inputs.contains(&channel) {
            inputs.push(channel.clone());
        }
        inputs.iter().position(|it| *it == channel).unwrap()
    };
    let context = settings
        .context
        .iter()
        .map(|it| (it.clone(), place(it), settings.changeover.contains(it)))
        .collect();
    let cycle = settings.cycle.clone().map(|it| {
        let places = it.names().iter().map(&mut place).collect();
        (it, places)
    });
    let mut optional = |it: &Option<String>| it.as_ref().map(&mut place);
    let (part_count, good) = (optional(&settings.part_count), optional(&settings.good));
    let rejected = optional(&settings.rejected);
    let channel = ChannelId::new(&device, &source, &PointId::new(POINT).unwrap());
    Operations { channel, inputs, context, part_count, good, rejected, cycle }
}

/// A line `key = a b c` for each setting.
fn toml_like(text: &str) -> OperationSettings {
    let value = |key: &str| {
        let line =
            text.lines().find_map(|it| it.trim().strip_prefix(key)?.trim().strip_prefix('='));
        line.map(|it| it.trim().to_owned())
    };
    let words = |key: &str| {
        value(key).unwrap_or_default().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    OperationSettings {
        source: SourceId::new("plc").unwrap(),
        context: words("context"),
        changeover: words("changeover"),
        part_count: value("part_count"),
        cycle: value("cycle").map(|it| it.parse().unwrap()),
        good: value("good"),
        rejected: value("rejected"),
    }
}

struct Run {
    operations: Operations,
    follower: OperationFollower,
    records: Vec<OperationRecord>,
}

impl Run {
    fn new(text: &str) -> Self {
        let operations = operations(text);
        let follower = operations.follower();
        Self { operations, follower, records: Vec::new() }
    }

    fn number(&mut self, ms: i64, point: &str, value: f64) {
        self.take(ms, point, Some(Said::Number(value)));
    }

    fn text(&mut self, ms: i64, point: &str, value: &str) {
        self.take(ms, point, Some(Said::Text(value.to_owned())));
    }

    fn take(&mut self, ms: i64, point: &str, said: Option<Said>) {
        let place = self.operations.inputs.iter().position(|it| it.point_str() == point).unwrap();
        let record = self.follower.take(&self.operations, place, said, Time::from_millis(ms));
        self.records.extend(record);
    }
}

#[test]
fn a_counted_part_has_its_segments_its_verdict_and_milliseconds() {
    let mut run = Run::new("context = program tool\npart_count = count\ngood = ok\nrejected = nok");
    run.text(1_000, "program", "O1");
    run.text(1_000, "tool", "T1");
    for (point, value) in [("count", 7.0), ("ok", 7.0), ("nok", 0.0)] {
        run.number(1_000, point, value);
    }
    run.number(5_003, "count", 8.0);
    run.number(5_003, "ok", 8.0);
    run.text(6_250, "tool", "T2");
    run.number(9_001, "count", 10.0);
    run.number(9_001, "nok", 1.0);
    run.number(9_001, "ok", 9.0);
    run.number(10_000, "count", 10.0);
    let [first, second] = run.records.as_slice() else { panic!("{:?}", run.records) };
    assert_eq!((first.began_ms, first.ended_ms, first.parts), (1_000, 5_003, 1));
    assert_eq!((first.is_whole, first.is_good), (false, Some(true)));
    assert_eq!((second.began_ms, second.ended_ms, second.parts), (5_003, 9_001, 2));
    assert_eq!((second.is_whole, second.is_good), (true, Some(false)));
    let tools: Vec<(i64, i64, &str)> = second
        .segments
        .iter()
        .map(|it| (it.began_ms, it.ended_ms, it.context["tool"].as_str()))
        .collect();
    assert_eq!(tools, [(5_003, 6_250, "T1"), (6_250, 9_001, "T2")]);
    assert_eq!(second.segments[0].context["program"], "O1");
}

#[test]
fn a_cycle_that_stops_ends_a_part_and_silence_does_not() {
    let mut run = Run::new("context = step\ncycle = running && step != \"End\"");
    run.number(0, "running", 0.0);
    run.text(10, "step", "Prep");
    run.number(20, "running", 1.0);
    run.text(30, "step", "Up");
    run.take(40, "step", None);
    assert_eq!(run.follower.open_since(), Some(Time::from_millis(20)));
    run.text(50, "step", "End");
    run.number(60, "running", 0.0);
    run.number(70, "running", 1.0);
    let [part] = run.records.as_slice() else { panic!("{:?}", run.records) };
    assert_eq!((part.began_ms, part.ended_ms, part.ended_by), (20, 50, EndedBy::CycleStop));
    let steps: Vec<&str> = part.segments.iter().map(|it| it.context["step"].as_str()).collect();
    assert_eq!((steps, part.is_whole), (vec!["Prep", "Up"], true));
}

#[test]
fn a_changeover_ends_what_was_not_counted_and_a_reset_counts_nothing() {
    let mut run = Run::new("context = batch\nchangeover = batch\npart_count = count");
    run.text(0, "batch", "B1");
    run.number(0, "count", 100.0);
    run.number(10, "count", 0.0);
    run.text(20, "batch", "B2");
    run.number(30, "count", 1.0);
    run.number(40, "count", 1.0);
    let ends: Vec<EndedBy> = run.records.iter().map(|it| it.ended_by).collect();
    assert_eq!(ends, [EndedBy::Changeover, EndedBy::PartCount]);
    assert_eq!(run.records[1].segments[0].context["batch"], "B2");
}

#[test]
fn a_program_that_runs_on_keeps_its_first_segments_and_counts_the_rest() {
    let mut run = Run::new("context = line\npart_count = count");
    run.number(0, "count", 0.0);
    for line in 0..100_i32 {
        run.number(i64::from(line), "line", f64::from(line));
    }
    run.number(200, "count", 1.0);
    run.number(300, "count", 1.0);
    let part = &run.records[0];
    assert_eq!((part.segments.len(), part.segments_left_out), (SEGMENTS_MAX, 68));
}
