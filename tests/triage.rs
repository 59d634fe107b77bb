//! Sensor or machine: each of the eight ways in which a sensor fails opens one instrumentation
//! ticket and none about the machine; every fault of a machine opens one about the machine.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test stops at the first surprise")]

#[path = "calibration/fleet.rs"]
#[expect(dead_code, reason = "shared with the calibration, which uses all of it")]
mod fleet;

use forewarn_domain::family::TicketKind;
use forewarn_simulator::{FaultKind, Plan, Truth};

use fleet::{Fleet, Ticket};

#[test]
fn eight_sensor_faults_open_eight_instrumentation_tickets_and_no_machine_ticket() {
    let fleet = Fleet::learned(31, 20, 5);
    for seed in seeds() {
        let plan = Plan::fault_set(seed, &fleet.plant, &FaultKind::SENSOR);
        assert_eq!(plan.faults.len(), FaultKind::SENSOR.len(), "{:?}", plan.faults);
        let truth = fleet.simulated(plan.clone()).truth();
        let tickets = fleet.tickets(plan, 6, Vec::new());
        for told in &truth {
            let of_device: Vec<&Ticket> = on(&tickets, told);
            let [ticket] = of_device[..] else {
                panic!("seed {seed}, {told:?}: {} tickets: {}", of_device.len(), names(&tickets));
            };
            let draft = &ticket.draft;
            assert_eq!(draft.kind, TicketKind::Instrumentation, "seed {seed}, {told:?}");
            let leads = draft.causes.first().map(|it| it.code.as_str());
            assert_eq!(
                leads,
                Some(told.cause.as_str()),
                "seed {seed}, {told:?}: {:?}",
                draft.causes
            );
        }
        assert_eq!(tickets.len(), truth.len(), "seed {seed}: {}", names(&tickets));
    }
}

#[test]
fn every_machine_fault_opens_exactly_one_machine_ticket() {
    let fleet = Fleet::learned(32, 40, 5);
    let (mut injected, mut right) = (0_usize, 0_usize);
    let mut wrong = Vec::new();
    for seed in seeds() {
        let kinds = FaultKind::ALL.iter().filter(|it| !it.is_of_the_sensor());
        let kinds: Vec<FaultKind> = kinds.copied().collect();
        let plan = Plan::fault_set(seed, &fleet.plant, &kinds);
        let truth = fleet.simulated(plan.clone()).truth();
        let tickets = fleet.tickets(plan, 9, Vec::new());
        injected += truth.len();
        for told in &truth {
            let of_device = on(&tickets, told);
            match of_device[..] {
                [one] if one.draft.kind == TicketKind::Machine => right += 1,
                _ => {
                    let found: Vec<String> = of_device.iter().map(|it| name(it)).collect();
                    wrong.push(format!("seed {seed}, {:?}: {found:?}", told.fault));
                }
            }
        }
    }
    println!("{right} of {injected} machine faults opened exactly one ticket; {wrong:#?}");
    // A weak fault that begins late may end unseen; none may open two.
    assert!(18 * injected <= 19 * right, "{right} of {injected}: {wrong:#?}");
    assert!(wrong.iter().all(|it| it.ends_with(": []")), "{wrong:#?}");
}

fn on<'a>(tickets: &'a [Ticket], told: &Truth) -> Vec<&'a Ticket> {
    tickets.iter().filter(|it| it.draft.key.device == told.device).collect()
}

fn name(ticket: &Ticket) -> String {
    let draft = &ticket.draft;
    let rules: Vec<&str> = draft.evidence.rules.iter().map(|it| it.id.as_str()).collect();
    let leads = draft.causes.first().map_or("", |it| it.code.as_str());
    format!("{}/{}/{} {leads} {rules:?}", draft.key.device, draft.key.component, draft.key.family)
}

fn names(tickets: &[Ticket]) -> String {
    tickets.iter().map(name).collect::<Vec<_>>().join("; ")
}

/// One seed in a short run; `FOREWARN_SEEDS=5` looks at five.
fn seeds() -> std::ops::RangeInclusive<u64> {
    let count = std::env::var("FOREWARN_SEEDS").ok().and_then(|it| it.parse().ok());
    1..=count.unwrap_or(1)
}
