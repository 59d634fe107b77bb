//! What people say of anomalies, runs over stored history, and changes of the rules.

use forewarn_domain::anomaly::{Anomaly, Finding, RuleRef};
use forewarn_domain::episode::Episode;
use forewarn_domain::family::{FaultFamily, Severity};
use forewarn_domain::quality::Quality;
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::TicketState;
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::{Burst, Sha256};
use forewarn_store::records::{
    Commit, EpisodeFilter, Judgement, LabelFilter, Marked, NewConfig, NewProposal, NewRules,
    NewTrial, Origin, RULES, RULES_CHANGED, Reason, Records, RecordsError, Saying, ShadowEpisode,
    Standing, TicketWrite, TrialState,
};

use super::samples::{NOW, at, draft, episode};

/// An episode whose rule and state are known, as the engine makes it.
fn told(device: &str, minute: i64) -> Episode {
    let draft = draft(device, minute);
    let anomaly = Anomaly {
        rule: RuleRef { id: "slow-spindle".parse().unwrap(), version: 3 },
        device: draft.key.device.clone(),
        component: draft.key.component.clone(),
        family: draft.key.family,
        channel: format!("{device}/plc/speed").parse().unwrap(),
        onset: draft.onset_at,
        confirmed: draft.detected_at,
        state: "warmup".parse().unwrap(),
        severity: Severity::Warning,
        finding: Finding::Limit { value: 1_200.0, limit: 1_500.0, above: false },
        signals: Vec::new(),
    };
    Episode { anomalies: vec![anomaly], ..episode(&draft) }
}

async fn live(records: &Records, device: &str, minute: i64) -> Episode {
    let told = told(device, minute);
    let write = TicketWrite::Open(Box::new(draft(device, minute)));
    let commit =
        Commit { episodes: vec![told.clone()], tickets: vec![write], snapshot: None, at: NOW };
    records.commit(&commit).await.unwrap();
    told
}

fn saying(episode: &Episode, judgement: Judgement) -> Saying {
    Saying {
        episodes: vec![episode.id],
        judgement,
        reason: (judgement == Judgement::Rejected).then_some(Reason::NormalState),
        note: String::new(),
        merged_into: None,
        author: "li".to_owned(),
        at: NOW,
        request: None,
    }
}

async fn standing_of(records: &Records, episode: &Episode) -> Standing {
    records.episode(episode.id).await.unwrap().standing()
}

pub(crate) async fn a_rejected_anomaly_ends_its_ticket_and_an_undo_takes_it_up_again(
    records: Records,
) {
    let episode = live(&records, "mill-01", 0).await;
    let said = records.say(&saying(&episode, Judgement::Rejected)).await.unwrap();
    let [label] = said.labels.as_slice() else { panic!("one label, not {:?}", said.labels) };
    assert_eq!((label.author.as_str(), label.at), ("li", NOW));
    assert_eq!(label.rule.as_ref().map(|it| it.id.as_str()), Some("slow-spindle"));
    assert_eq!(label.state.as_ref().map(|it| it.as_str()), Some("warmup"));
    assert_eq!(said.inputs.len(), 1, "the engine is told that the ticket was dropped");
    let row = records.episode(episode.id).await.unwrap();
    assert_eq!((row.state, row.standing()), (Some(TicketState::FalseAlarm), Standing::Rejected));

    let undone = records.unsay(&[label.number], "wang", NOW).await.unwrap();
    assert_eq!(undone.labels[0].undone, Some((NOW, "wang".to_owned())));
    let row = records.episode(episode.id).await.unwrap();
    assert_eq!((row.state, row.label.clone()), (Some(TicketState::InProgress), None));
    assert_eq!(row.standing(), Standing::Open);
    let again = records.unsay(&[label.number], "wang", NOW).await.unwrap();
    assert_eq!(again.labels, [], "an undone label is left as it is");
    let all = LabelFilter { with_undone: true, ..LabelFilter::default() };
    assert_eq!(records.labels(&all, 10).await.unwrap().len(), 1, "nobody's word is lost");
    assert_eq!(records.labels(&LabelFilter::default(), 10).await.unwrap(), []);
}

pub(crate) async fn a_confirmed_shadow_anomaly_opens_the_ticket_that_it_would_have_opened(
    records: Records,
) {
    let found = ShadowEpisode::new(told("mill-01", 0), Some(draft("mill-01", 0)));
    assert_ne!(found.episode.id, told("mill-01", 0).id, "a live rule may find the same");
    for _ in 0..2 {
        records.put_shadow_episodes(std::slice::from_ref(&found), NOW).await.unwrap();
    }
    let shadow = EpisodeFilter { origin: Some(Origin::Shadow), ..EpisodeFilter::default() };
    let rows = records.episodes(&shadow, None, 10).await.unwrap();
    assert_eq!((rows.len(), rows[0].ticket, rows[0].standing()), (1, None, Standing::Open));
    assert_eq!(records.open_counts().await.unwrap().len(), 0, "shadow opens no ticket");

    let said = records.say(&saying(&found.episode, Judgement::Confirmed)).await.unwrap();
    let ticket = said.labels[0].opened_ticket.expect("a ticket was opened");
    let row = records.ticket(&ticket.to_string()).await.unwrap();
    assert_eq!((row.number.as_str(), row.state), ("FW-2026-0001", TicketState::ToAssign));
    assert_eq!(standing_of(&records, &found.episode).await, Standing::Confirmed);

    records.unsay(&[said.labels[0].number], "li", NOW).await.unwrap();
    let row = records.ticket(&ticket.to_string()).await.unwrap();
    assert_eq!(row.state, TicketState::FalseAlarm, "a number that was given stays given");
}

pub(crate) async fn a_bulk_is_all_or_nothing_and_feeds_the_rules_scores(records: Records) {
    let mut found = Vec::new();
    for minute in [0, 60, 120] {
        found.push(ShadowEpisode::new(told("mill-01", minute), None));
    }
    records.put_shadow_episodes(&found, NOW).await.unwrap();
    let mut bulk = saying(&found[0].episode, Judgement::Rejected);
    bulk.episodes = vec![found[0].episode.id, told("mill-09", 5).id];
    let refused = records.say(&bulk).await.unwrap_err();
    assert!(matches!(refused, RecordsError::UnknownEpisode { .. }), "{refused}");
    assert_eq!(standing_of(&records, &found[0].episode).await, Standing::Open);

    bulk.episodes = vec![found[0].episode.id, found[1].episode.id];
    assert_eq!(records.say(&bulk).await.unwrap().labels.len(), 2);
    let scores = records.rule_scores().await.unwrap();
    let [score] = scores.as_slice() else { panic!("one rule, not {scores:?}") };
    assert_eq!(score.rule, "slow-spindle");
    assert_eq!((score.open, score.confirmed, score.rejected), (1, 0, 2));
    let open = EpisodeFilter { standing: Some(Standing::Open), ..EpisodeFilter::default() };
    let rows = records.episodes(&open, None, 10).await.unwrap();
    assert_eq!(rows.iter().map(|it| it.episode.id).collect::<Vec<_>>(), [found[2].episode.id]);

    let mut merge = saying(&found[2].episode, Judgement::Merged);
    merge.merged_into = Some(found[1].episode.id);
    records.say(&merge).await.unwrap();
    let row = records.episode(found[2].episode.id).await.unwrap();
    assert!(row.is_merged());
    assert_eq!(row.label.unwrap().merged_into, Some(found[1].episode.id));
}

pub(crate) async fn a_marked_stretch_is_kept_with_who_and_when(records: Records) {
    let marked = Marked {
        site: "plant".parse().unwrap(),
        channel: "mill-01/plc/speed".parse().unwrap(),
        component: "spindle-front".parse().unwrap(),
        family: FaultFamily::Bearing,
        since: at(0),
        until: at(10),
        judgement: Judgement::Confirmed,
        reason: None,
        note: "noise heard".to_owned(),
        author: "li".to_owned(),
        at: NOW,
    };
    let label = records.mark(&marked).await.unwrap();
    let filter = LabelFilter { device: Some("mill-01".parse().unwrap()), ..LabelFilter::default() };
    assert_eq!(records.labels(&filter, 10).await.unwrap(), [label]);
    let other = LabelFilter { device: Some("mill-02".parse().unwrap()), ..LabelFilter::default() };
    assert_eq!(records.labels(&other, 10).await.unwrap(), []);
}

fn trial(toml: &str) -> NewTrial {
    NewTrial {
        author: "li".to_owned(),
        purpose: "diff".to_owned(),
        base_version: 1,
        toml: toml.to_owned(),
        since: at(0),
        until: NOW,
    }
}

pub(crate) async fn a_run_is_taken_once_reports_once_and_can_be_cancelled(records: Records) {
    let first = records.ask_trial(&trial("a"), NOW).await.unwrap();
    let second = records.ask_trial(&trial("b"), NOW).await.unwrap();
    let taken = records.take_trial().await.unwrap().expect("one waits");
    assert_eq!((taken.number, taken.state), (first, TrialState::Running));
    assert!(records.trial_progress(first, 0.5).await.unwrap());
    records.end_trial(first, Ok("{}".to_owned()), NOW).await.unwrap();
    let ended = records.trial(first).await.unwrap();
    assert_eq!((ended.state, ended.report.as_deref()), (TrialState::Done, Some("{}")));
    assert!((ended.progress - 1.0).abs() < 1e-9);

    records.take_trial().await.unwrap().expect("the second waits");
    records.cancel_trial(second, NOW).await.unwrap();
    assert!(!records.trial_progress(second, 0.6).await.unwrap(), "the run learns of it");
    records.end_trial(second, Err("it was cancelled".to_owned()), NOW).await.unwrap();
    assert_eq!(records.trial(second).await.unwrap().state, TrialState::Cancelled);
    assert_eq!(records.take_trial().await.unwrap(), None);

    let third = records.ask_trial(&trial("c"), NOW).await.unwrap();
    records.take_trial().await.unwrap().expect("the third waits");
    records.drop_broken_trials(NOW).await.unwrap();
    let broken = records.trial(third).await.unwrap();
    assert_eq!(broken.state, TrialState::Failed);
    assert!(broken.why.unwrap().contains("restarted"));
    let unknown = records.trial(99).await.unwrap_err();
    assert!(matches!(unknown, RecordsError::UnknownNumber { .. }), "{unknown}");
    assert_eq!(records.trials(10).await.unwrap().len(), 3);
}

pub(crate) async fn rules_change_only_from_the_version_that_was_seen(records: Records) {
    let seed = NewConfig {
        kind: RULES.to_owned(),
        id: RULES.to_owned(),
        author: "forewarn".to_owned(),
        reason: "first start".to_owned(),
        toml: "version = 1".to_owned(),
    };
    records.add_config(&seed, NOW).await.unwrap();
    let change = |toml: &str, base_version| NewRules {
        author: "li".to_owned(),
        reason: "quieter".to_owned(),
        toml: toml.to_owned(),
        base_version,
    };
    let (version, input) = records.change_rules(&change("b", 1), NOW).await.unwrap();
    assert_eq!((version, input.kind.as_str()), (2, RULES_CHANGED));
    assert_eq!(records.inputs_after(0, 10).await.unwrap(), [input]);
    let overtaken = records.change_rules(&change("c", 1), NOW).await.unwrap_err();
    assert!(matches!(overtaken, RecordsError::Overtaken { .. }), "{overtaken}");
    let back = records.change_rules(&change("version = 1", 2), NOW).await.unwrap();
    assert_eq!(back.0, 3, "a rollback is a version of its own");
    assert_eq!(records.config_versions(RULES, RULES).await.unwrap().len(), 3);
}

pub(crate) async fn a_proposal_is_decided_once_and_other_rules_outdate_it(records: Records) {
    let backtest = records.ask_trial(&trial("gated"), NOW).await.unwrap();
    let new = |rule: &str| NewProposal {
        rule: rule.parse().unwrap(),
        kind: "gate".to_owned(),
        base_version: 0,
        toml: "gated".to_owned(),
        why: Localized::new("rejected ten times", "被否决十次"),
        evidence: "{}".to_owned(),
        backtest,
    };
    let first = records.propose(&new("slow-spindle"), NOW).await.unwrap().expect("made");
    assert_eq!(records.propose(&new("slow-spindle"), NOW).await.unwrap(), None, "one is open");
    let other = records.propose(&new("hot-oil"), NOW).await.unwrap().expect("made");
    let (approved, input) = records.approve(first, "li", NOW).await.unwrap();
    assert_eq!((approved.state.as_str(), approved.version), ("approved", Some(1)));
    assert_eq!(approved.decided, Some(("li".to_owned(), NOW)));
    assert_eq!(input.kind, RULES_CHANGED);
    let rules = records.config(RULES, RULES).await.unwrap().expect("in force");
    assert_eq!((rules.config.toml.as_str(), rules.config.author.as_str()), ("gated", "li"));
    for refused in [
        records.approve(first, "li", NOW).await.unwrap_err(),
        records.dismiss(other, "li", NOW).await.unwrap_err(),
    ] {
        assert!(matches!(refused, RecordsError::Overtaken { .. }), "{refused}");
    }
    assert_eq!(records.proposal(other).await.unwrap().state, "outdated");
    let third = records.propose(&new("hot-oil"), NOW).await.unwrap().expect("made");
    assert_eq!(records.dismiss(third, "li", NOW).await.unwrap().state, "dismissed");
    assert_eq!(records.proposals(10).await.unwrap().len(), 3);
}

pub(crate) async fn bursts_are_kept_once_and_found_by_time(records: Records) {
    let burst = |minute: i64| Burst {
        channel: "mill-01/node/acc".parse().unwrap(),
        t0: at(minute),
        rate_hz: 6_400.0,
        samples: 8_192,
        state: "cut".parse().unwrap(),
        shaft_hz: Some(30.0),
        sha256: Sha256([u8::try_from(minute).unwrap(); 32]),
        quality: Quality::Good,
        axes: Vec::new(),
    };
    for _ in 0..2 {
        records.put_bursts(&[burst(1), burst(2), burst(3)]).await.unwrap();
    }
    let times = |found: &[Burst]| found.iter().map(|it| it.t0).collect::<Vec<Time>>();
    let found = records.bursts(at(1), at(3)).await.unwrap();
    assert_eq!(times(&found), [at(1), at(2)]);
    assert_eq!(found[0], burst(1));
    let channel = burst(1).channel;
    let newest = records.bursts_of(&channel, at(0), at(9), 2).await.unwrap();
    assert_eq!(times(&newest), [at(2), at(3)]);
    records.drop_bursts(at(3)).await.unwrap();
    let rest = records.bursts(at(0), at(3) + Span::from_secs(1)).await.unwrap();
    assert_eq!(times(&rest), [at(3)]);
}
