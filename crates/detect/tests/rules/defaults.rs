//! The rules that every site starts with, on a healthy machine.

use forewarn_detect::RuleSet;
use forewarn_domain::time::Span;

use crate::bench::Bench;

const DEFAULT: &str = include_str!("../../../../config/rules/default.toml");

fn defaults() -> RuleSet {
    toml::from_str(DEFAULT).unwrap()
}

#[test]
fn the_default_rules_load_and_are_written_back_unchanged() {
    let rules = defaults();
    rules.check().unwrap();
    let again: RuleSet = toml::from_str(&toml::to_string(&rules).unwrap()).unwrap();
    assert_eq!(again, rules);
}

#[test]
fn a_misplaced_or_unknown_field_is_refused_with_its_name() {
    let head = "schema = \"forewarn.rule/1\"\nversion = 1\n[[rule]]\nid = \"a\"\n\
                severity = \"watch\"\nfault_family = \"other\"\nquantity = [\"load\"]\n";
    for (fields, expected) in [
        ("kind = \"limit\"\non = 1.0\noff = 0.0\nwindow = \"10s\"", "window"),
        ("kind = \"limit\"\non = 1.0", "off"),
        ("kind = \"limit\"\non = 1.0\noff = 2.0", "good side"),
        ("kind = \"limit\"\non = 1.0\noff = 0.0\nfoo = 1", "foo"),
        ("kind = \"no_data\"\nintervals = 1", "intervals"),
        ("kind = \"severity_zone\"\nn_of_m = [4, 3]", "n_of_m"),
        ("kind = \"guess\"", "guess"),
        (
            "kind = \"limit\"\non = 1.0\noff = 0.0\nbudget = { rejected = 5, within = \"0s\" }",
            "budget",
        ),
    ] {
        let refused = toml::from_str::<RuleSet>(&format!("{head}{fields}")).unwrap_err();
        assert!(refused.to_string().contains(expected), "{fields}: {refused}");
    }
}

/// Ten days of a healthy machine in 10 s steps with shifts, cycles, a daily wave of temperature and
/// sporadic bumps, then half a day live at one reading a second.
#[test]
fn a_healthy_machine_raises_nothing() {
    let mut bench = Bench::with(&defaults());
    let (mut temp, mut second) = (20.0, 0_u32);
    for (step, len) in [(10_u32, 86_400_u32), (1, 43_200)] {
        bench.step = Span::from_secs(i64::from(step));
        for _ in 0..len {
            second += step;
            let on = second % 86_400 < 60_000;
            let cut = on && second % 120 > 40;
            let heavy = (second / 120) % 7 == 3;
            let day = f64::from(second % 86_400) / 86_400.0 * std::f64::consts::TAU;
            let target = if cut { 55.0 } else { 35.0 } + 3.0 * day.sin();
            temp += (target - temp) * f64::from(step) / 300.0;
            let bump = if bench.noise() > 0.997 { 1.5 } else { 1.0 };
            let load = if !cut {
                4.0
            } else if heavy {
                80.0
            } else {
                50.0
            };
            let vel = bump * if cut { 0.9 + load / 80.0 } else { 0.05 } + 0.08 * bench.noise();
            let values = [
                ("running", f64::from(u8::from(on))),
                ("load", load * bump + bench.noise()),
                ("temp", ((temp + 0.2 * bench.noise()) * 10.0).round() / 10.0),
                ("vel", vel.abs()),
                ("pressure", if cut { 150.0 } else { 118.0 } + 2.0 * bench.noise()),
            ];
            bench.tick(&values);
        }
    }
    let all: Vec<_> =
        bench.raised().iter().map(|it| (it.rule.id.to_string(), it.confirmed)).collect();
    assert!(all.is_empty(), "{all:?}");
}
