//! The course of tickets by the handbook that a new plant begins with.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use forewarn_domain::episode::{EpisodeId, EpisodeKey};
use forewarn_domain::family::{FaultFamily, Priority, TicketKind};
use forewarn_domain::site::plant::Plant;
use forewarn_domain::ticket::clock::{Clock, ClockKind, ClockState};
use forewarn_domain::ticket::course::{
    Asked, Course, Crew, Document, Facts, Moment, Process, Refusal, Standing, TICKET_TYPE, Timer,
};
use forewarn_domain::ticket::kind::{EvidenceKind, TicketSource};
use forewarn_domain::ticket::{Command, TicketEvent, TicketId, TicketState, WaitingFor};
use forewarn_domain::time::{Span, Time};
use forewarn_tickets::{Handbook, seeds};

fn at(text: &str) -> Time {
    text.parse().unwrap()
}

fn plant() -> Plant {
    let site = r#"
        schema = "forewarn.site/1"
        site = { id = "plant", name = { en = "Plant" }, time_zone = "Asia/Shanghai" }
        [[device]]
        id = "mill-01"
        name = { en = "Mill 1", zh = "一号铣床" }
        class = "cnc-mill"
        area = "hall-1"
        criticality = "high"
        source = []
        [[device]]
        id = "saw-01"
        name = { en = "Saw", zh = "锯床" }
        class = "saw"
        area = "hall-2"
        criticality = "low"
        source = []
    "#;
    Plant::new(toml::from_str(site).unwrap(), Vec::new()).unwrap()
}

fn handbook() -> Handbook {
    Handbook::read(&plant(), &seeds()).unwrap()
}

fn ticket(device: &str, priority: Priority, opened_at: Time) -> Facts {
    let key = EpisodeKey {
        site: "plant".parse().unwrap(),
        device: device.parse().unwrap(),
        component: "spindle".parse().unwrap(),
        family: FaultFamily::Bearing,
    };
    Facts {
        id: TicketId::derive(EpisodeId::derive(&key, opened_at)),
        number: "FW-2026-0001".to_owned(),
        key,
        kind: TicketKind::Machine,
        source: TicketSource::Machine,
        priority,
        state: TicketState::ToAssign,
        waiting_for: None,
        owner: None,
        group: None,
        ticket_type: None,
        opened_at,
        shelved_until: None,
    }
}

/// A ticket with its clocks and timers, as a store would keep them.
struct Life {
    handbook: Handbook,
    ticket: Facts,
    standing: Standing,
    crew: Crew,
}

impl Life {
    fn open(device: &str, priority: Priority, opened: &str) -> Self {
        let (handbook, opened) = (handbook(), at(opened));
        let ticket = ticket(device, priority, opened);
        let course = handbook.open(&ticket, opened);
        let standing = Standing::default();
        let mut life = Self { handbook, ticket, standing, crew: Crew::default() };
        life.apply(&course);
        life
    }

    fn apply(&mut self, course: &Course) {
        self.ticket.ticket_type = course.ticket_type.clone().or(self.ticket.ticket_type.clone());
        self.ticket.group = course.group.clone().or(self.ticket.group.clone());
        if course.is_unshelved {
            self.ticket.shelved_until = None;
        }
        self.standing = Standing { clocks: course.clocks.clone(), armed: course.timers.clone() };
    }

    fn act(&mut self, command: &Command, when: &str) {
        let before = self.ticket.clone();
        self.ticket.state = before.state.after(command).unwrap();
        self.ticket.waiting_for = match command {
            Command::Wait { reason } => Some(*reason),
            _ => None,
        };
        match command {
            Command::Accept {} => self.ticket.owner = Some("li-jun".to_owned()),
            Command::Assign { to } => self.ticket.owner = Some(to.clone()),
            Command::Shelve { until, .. } => self.ticket.shelved_until = Some(*until),
            _ => {}
        }
        let course = self.handbook.follow(&before, &self.ticket, &self.standing, at(when));
        self.apply(&course);
    }

    /// Fires everything that is due until a time; returns what was said.
    fn run_until(&mut self, until: &str) -> Vec<(String, Course)> {
        let mut said = Vec::new();
        loop {
            let next =
                self.standing.armed.iter().min_by_key(|it| (it.due_at, it.name.clone())).cloned();
            let Some(timer) = next.filter(|it| it.due_at <= at(until)) else { return said };
            let moment = Moment { at: timer.due_at, crew: &self.crew };
            let course = self.handbook.fire(&self.ticket, &self.standing, &timer, &moment);
            self.apply(&course);
            if let Some(command) = course.command.clone() {
                self.act(&command, &timer.due_at.to_string());
            }
            said.push((timer.name, course));
        }
    }

    fn clock(&self, kind: ClockKind) -> &Clock {
        self.standing.clocks.iter().rev().find(|it| it.kind == kind).unwrap()
    }

    fn timers(&self) -> Vec<&str> {
        self.standing.armed.iter().map(|it| it.name.as_str()).collect()
    }

    fn due(&self, name: &str) -> Time {
        let found: Option<&Timer> = self.standing.armed.iter().find(|it| it.name == name);
        found.unwrap_or_else(|| panic!("{name} is not among {:?}", self.timers())).due_at
    }
}

fn finish() -> Command {
    Command::Finish { cause: "bearing-outer-race".into(), note: String::new(), part: None }
}

#[test]
fn a_ticket_opens_with_type_group_clocks_and_somebody_who_is_told() {
    let life = Life::open("saw-01", Priority::P2, "2026-11-26T15:00:00+08:00");
    assert_eq!(life.ticket.ticket_type.as_ref().unwrap().id.as_str(), "predictive");
    assert_eq!(life.ticket.group.as_ref().unwrap().as_str(), "mechanics");
    assert_eq!(life.clock(ClockKind::Respond).due_at, Some(at("2026-11-26T17:00:00+08:00")));
    assert_eq!(life.clock(ClockKind::Arrive).due_at, Some(at("2026-11-27T10:00:00+08:00")));
    assert_eq!(life.due("respond.warn"), at("2026-11-26T16:30:00+08:00"));
    assert_eq!(life.due("step.next-group"), at("2026-11-26T15:05:00+08:00"));
    let line_stop = Life::open("mill-01", Priority::P1, "2026-11-26T03:00:00+08:00");
    assert_eq!(line_stop.ticket.ticket_type.as_ref().unwrap().id.as_str(), "line-stop");
    assert_eq!(line_stop.due("respond.due"), at("2026-11-26T03:15:00+08:00"));
}

#[test]
fn a_deadline_is_explained_day_by_day_in_both_languages() {
    let life = Life::open("saw-01", Priority::P2, "2026-09-30T16:00:00+08:00");
    let arrive = life.clock(ClockKind::Arrive);
    assert_eq!(arrive.due_at, Some(at("2026-10-08T11:00:00+08:00")));
    let lines = life.handbook.explain(arrive);
    let (en, zh): (Vec<_>, Vec<_>) = lines.into_iter().map(|it| (it.en, it.zh)).unzip();
    assert_eq!(
        en,
        [
            "Wed 09-30 16:00–17:00: 1 h",
            "Thu 10-01 to Wed 10-07: National Day, not counted",
            "Thu 10-08 08:00–11:00: 3 h",
        ]
    );
    assert_eq!(
        zh,
        [
            "09-30 周三 16:00–17:00，计 1 小时",
            "10-01 周四 至 10-07 周三：国庆节，不计",
            "10-08 周四 08:00–11:00，计 3 小时",
        ]
    );
}

#[test]
fn accepting_stops_only_the_call_for_an_owner_and_responding_needs_the_way() {
    let mut life = Life::open("saw-01", Priority::P2, "2026-11-26T09:00:00+08:00");
    life.act(&Command::Accept {}, "2026-11-26T09:02:00+08:00");
    assert!(!life.timers().contains(&"step.next-group"), "{:?}", life.timers());
    assert_eq!(life.clock(ClockKind::Respond).state, ClockState::Running);
    life.act(&Command::Depart {}, "2026-11-26T09:30:00+08:00");
    assert_eq!(life.clock(ClockKind::Respond).state, ClockState::Met);
    assert_eq!(life.clock(ClockKind::Arrive).state, ClockState::Running);
    life.act(&Command::Arrive {}, "2026-11-26T14:30:00+08:00");
    let arrive = life.clock(ClockKind::Arrive);
    assert_eq!((arrive.state, arrive.used), (ClockState::Missed, Span::from_secs(16_200)));
    assert!(!life.timers().iter().any(|it| it.starts_with("arrive")));
    assert!(life.timers().contains(&"step.manager"));
}

#[test]
fn waiting_for_a_part_stops_the_clock_and_going_on_moves_the_deadline() {
    let mut life = Life::open("saw-01", Priority::P2, "2026-11-26T09:00:00+08:00");
    life.act(&Command::Accept {}, "2026-11-26T09:00:00+08:00");
    life.act(&Command::Start {}, "2026-11-26T10:00:00+08:00");
    assert_eq!(life.due("repair.due"), at("2026-12-01T09:00:00+08:00"));
    life.act(&Command::Wait { reason: WaitingFor::Part }, "2026-11-26T11:00:00+08:00");
    let paused = life.clock(ClockKind::Repair);
    assert_eq!((paused.state, paused.due_at), (ClockState::Paused, None));
    assert_eq!(paused.used, Span::from_secs(7_200));
    assert!(life.run_until("2026-11-27T09:59:00+08:00").is_empty(), "nothing rings meanwhile");
    life.act(&Command::Resume {}, "2026-11-27T10:00:00+08:00");
    assert_eq!(life.due("repair.due"), at("2026-12-01T17:00:00+08:00"));
    life.act(&finish(), "2026-11-30T16:00:00+08:00");
    assert_eq!(life.clock(ClockKind::Repair).state, ClockState::Met);
    assert_eq!(life.clock(ClockKind::Verify).state, ClockState::Running);
    life.act(&Command::Reopen { reason: "noise".into() }, "2026-12-01T09:00:00+08:00");
    assert_eq!(life.clock(ClockKind::Verify).state, ClockState::Dropped);
    assert_eq!(life.clock(ClockKind::Repair).state, ClockState::Running);
    assert_eq!(life.standing.clocks.iter().filter(|it| it.kind == ClockKind::Repair).count(), 2);
    life.act(&Command::FalseAlarm { reason: "test".into() }, "2026-12-01T09:05:00+08:00");
    assert!(life.timers().is_empty(), "an ended ticket has no timers: {:?}", life.timers());
}

#[test]
fn a_warning_comes_before_the_deadline_and_each_once() {
    let mut life = Life::open("saw-01", Priority::P3, "2026-11-26T09:00:00+08:00");
    let said = life.run_until("2026-12-31T00:00:00+08:00");
    let names: Vec<&str> = said.iter().map(|(name, _)| name.as_str()).collect();
    let place = |name: &str| names.iter().position(|it| *it == name).unwrap();
    for clock in ["respond", "arrive", "repair"] {
        assert!(place(&format!("{clock}.warn")) < place(&format!("{clock}.due")), "{names:?}");
        assert_eq!(names.iter().filter(|it| it.starts_with(clock)).count(), 2);
    }
    assert!(life.clock(ClockKind::Repair).breached_at.is_some());
    assert!(life.timers().is_empty(), "{:?}", life.timers());
    for (name, course) in &said {
        assert!(!course.tell.is_empty(), "{name} told nobody");
        assert!(!course.note.en.is_empty() && !course.note.zh.is_empty(), "{name} said nothing");
    }
}

#[test]
fn nobody_takes_it_and_it_goes_from_group_to_group_and_up() {
    let mut life = Life::open("mill-01", Priority::P1, "2026-11-26T09:00:00+08:00");
    let said = life.run_until("2026-11-26T09:31:00+08:00");
    let told = |name: &str| {
        let (_, course) = said.iter().find(|(it, _)| it == name).unwrap();
        course.tell.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(told("step.next-group"), ["zhou-min", "wu-tao"]);
    assert_eq!(told("step.director"), ["zhou-min", "sun-qiang", "he-ying"]);
    // Li and Wang both teach bearings and stand in the same hall; the second round asks the other.
    assert_eq!(life.ticket.owner.as_deref(), Some("wang-lei"));
    assert_eq!(life.ticket.state, TicketState::Assigned);
    assert_eq!(life.ticket.group.as_ref().unwrap().as_str(), "standby");
    let (_, named) = said.iter().find(|(it, _)| it == "step.dispatch").unwrap();
    assert!(
        named.note.en.contains("score") && named.note.en.contains("next:"),
        "{}",
        named.note.en
    );
}

#[test]
fn a_shelved_ticket_calls_nobody_and_comes_back_by_itself() {
    let mut life = Life::open("saw-01", Priority::P2, "2026-11-26T09:00:00+08:00");
    let until = at("2026-11-26T11:00:00+08:00");
    let shelve = Command::Shelve { until, reason: "planned stop".into() };
    let asked = |ticket: &Facts, command: &Command| {
        let next = ticket.state;
        let asked =
            Asked { ticket, next, command, evidence: &[], at: at("2026-11-26T09:01:00+08:00") };
        handbook().permit(&asked)
    };
    assert!(asked(&life.ticket, &shelve).is_ok());
    let too_long = Command::Shelve { until: at("2026-11-26T18:00:00+08:00"), reason: "x".into() };
    assert!(matches!(asked(&life.ticket, &too_long), Err(Refusal::Shelf { .. })));
    life.act(&shelve, "2026-11-26T09:01:00+08:00");
    let said = life.run_until("2026-11-26T10:59:00+08:00");
    assert!(said.iter().all(|(_, course)| course.what.is_none()), "{said:?}");
    let said = life.run_until("2026-11-26T11:00:00+08:00");
    assert!(said.iter().any(|(_, course)| course.what == Some(TicketEvent::Unshelved)));
    assert!(said.iter().any(|(name, _)| name == "step.next-group"), "what waited is done then");
    assert_eq!(life.ticket.shelved_until, None);
}

fn with_evidence(demands: &str) -> Handbook {
    let mut documents = seeds();
    let kind = documents.iter_mut().find(|it| it.id == "predictive").unwrap();
    kind.toml = kind.toml.replace("finish = [\"cause\"]", demands);
    Handbook::read(&plant(), &documents).unwrap()
}

#[test]
fn a_step_that_is_skipped_must_not_demand_evidence_and_all_that_is_missing_is_told() {
    let handbook =
        with_evidence("arrive = [\"position\"]\nfinish = [\"cause\", \"photo\", \"note\"]");
    let mut ticket = ticket("saw-01", Priority::P2, at("2026-11-26T09:00:00+08:00"));
    ticket.ticket_type = handbook.type_for(&ticket).cloned();
    ticket.state = TicketState::Accepted;
    let ask = |evidence: &[EvidenceKind]| {
        let command = finish();
        let (next, at) = (TicketState::Done, ticket.opened_at);
        handbook.permit(&Asked { ticket: &ticket, next, command: &command, evidence, at })
    };
    let Err(Refusal::Missing(missing)) = ask(&[]) else { panic!("nothing is missing") };
    let missing: Vec<String> =
        missing.iter().map(|it| format!("{} {}", it.command, it.evidence)).collect();
    assert_eq!(missing, ["arrive position", "finish photo", "finish note"]);
    let shown = [EvidenceKind::Position, EvidenceKind::Photo, EvidenceKind::Note];
    let permit = ask(&shown).unwrap();
    assert_eq!(
        permit.skipped,
        [TicketState::Departed, TicketState::OnSite, TicketState::InProgress]
    );
    assert_eq!(permit.note.zh, "跳过：已出发、已到场、处理中");
}

#[test]
fn a_ticket_keeps_the_version_of_its_type_while_new_ones_get_the_newest() {
    let mut documents = seeds();
    let first = documents.iter().find(|it| it.id == "predictive").unwrap().clone();
    let toml = first.toml.replace("respond = \"2h\"", "respond = \"1h\"");
    documents.push(Document { version: 2, toml, ..first });
    let handbook = Handbook::read(&plant(), &documents).unwrap();
    let opened = at("2026-11-26T09:00:00+08:00");
    let mut old = ticket("saw-01", Priority::P2, opened);
    let course = handbook.open(&old, opened);
    assert_eq!(course.ticket_type.as_ref().unwrap().version, 2);
    assert_eq!(course.clocks[0].due_at, Some(at("2026-11-26T10:00:00+08:00")));
    let kept =
        forewarn_domain::ticket::course::TypeRef { version: 1, ..course.ticket_type.unwrap() };
    old.ticket_type = Some(kept);
    let course = handbook.follow(&old, &old, &Standing::default(), opened);
    assert_eq!(course.clocks[0].due_at, Some(at("2026-11-26T11:00:00+08:00")));
}

#[test]
fn the_preview_says_what_the_real_course_does() {
    let opened = "2026-11-26T22:00:00+08:00";
    let handbook = handbook();
    let fresh = ticket("mill-01", Priority::P1, at(opened));
    let calls = handbook.preview_opening(&fresh, at(opened), &Crew::default());
    assert_eq!(calls[0].people.iter().map(|it| it.as_str()).collect::<Vec<_>>(), ["zhao-gang"]);
    let mut life = Life::open("mill-01", Priority::P1, opened);
    let said = life.run_until("2027-06-01T00:00:00+08:00");
    let real: Vec<_> =
        said.iter().filter_map(|(_, it)| Some((it.what?, it.tell.clone()))).collect();
    let ahead: Vec<_> = calls.iter().skip(1).map(|it| (it.what, it.people.clone())).collect();
    assert_eq!(ahead, real.into_iter().take(ahead.len()).collect::<Vec<_>>());
    assert!(6 < ahead.len());
}

#[test]
fn a_handbook_that_leads_nowhere_is_refused_by_name() {
    let refused = |kind: &str, id: &str, from: &str, to: &str| {
        let mut documents = seeds();
        let it = documents.iter_mut().find(|it| it.kind == kind && it.id == id).unwrap();
        assert!(it.toml.contains(from), "{from}");
        it.toml = it.toml.replace(from, to);
        Handbook::read(&plant(), &documents).unwrap_err().to_string()
    };
    let type_of = |from: &str, to: &str| refused(TICKET_TYPE, "predictive", from, to);
    assert!(type_of("\"mechanics\"", "\"nobody\"").contains("there is no group `nobody`"));
    assert!(type_of("\"default\"", "\"gone\"").contains("no escalation policy `gone`"));
    assert!(type_of("calendar = \"day\"", "calendar = \"moon\"").contains("no calendar `moon`"));
    assert!(type_of("finish =", "finnish =").contains("`finnish` is no command"));
    let condition = "[when]\nkind = [\"process\"]\n[evidence]";
    assert!(type_of("[evidence]", condition).contains("without conditions"));
    let rota = refused("rota", "mechanics", "\"zhao-gang\"", "\"ghost\"");
    assert_eq!(rota, "rota `mechanics`: `ghost` is none of the people");
    assert!(
        refused("people", "people", "standby = \"standby\"", "standby = \"x\"").contains("`x`")
    );
    let whom = refused("escalation", "default", "notify = \"leads\"", "notify = \"boss\"");
    assert!(whom.contains("`boss` names nobody"), "{whom}");
}
