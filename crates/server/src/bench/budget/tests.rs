//! A noisy rule is stopped inside a week, visibly; nothing that it opened is lost, and it can come back.

use std::sync::Arc;

use forewarn_diagnose::{Catalogue, Library};
use forewarn_domain::anomaly::{Anomaly, Finding, RuleRef};
use forewarn_domain::episode::{Episode, EpisodeId, EpisodeKey, Phase};
use forewarn_domain::family::{FaultFamily, Severity};
use forewarn_domain::site::plant::Plant;
use forewarn_domain::time::{Span, Time};
use forewarn_engine::Knowledge;
use forewarn_lifecycle::Clock;
use forewarn_store::readings::{ReadingStore, StoreConfig};
use forewarn_store::records::{
    Commit, Judgement, NewConfig, NewRules, RULES, RULES_CHANGED, Reason, Records, Saying,
};

use crate::bench::proposals::Proposals;
use crate::bench::rulebook::{Rulebook, parse};

#[tokio::test]
async fn a_rule_that_overspends_goes_to_shadow_within_the_week_and_a_person_may_put_it_back() {
    let bench = Bench::new().await;
    // Two false alarms a day, each rejected at once; the other rule is right for once.
    bench.judged("quiet", 1, Judgement::Confirmed).await;
    let mut hour = 0;
    while bench.newest().await == 1 {
        hour += 12;
        assert!(hour < 7 * 24, "it should have been stopped");
        bench.judged("noisy", hour, Judgement::Rejected).await;
        bench.proposals.look(at(hour)).await.unwrap();
    }
    assert_eq!(hour, 6 * 12, "the sixth is one too many");
    assert_eq!(bench.shadows().await, ["noisy"]);
    let told = bench.records.proposals(10).await.unwrap();
    let [told] = &told[..] else { panic!("one proposal: {told:?}") };
    assert_eq!((told.new.kind.as_str(), told.state.as_str()), ("demote", "approved"));
    assert_eq!(told.decided.as_ref().unwrap().0, "forewarn");
    assert!(told.new.why.en.contains("wrong 6 times within 7 days"), "{}", told.new.why.en);
    assert!(told.new.why.zh.contains("影子"), "{}", told.new.why.zh);
    let inputs = bench.records.inputs_after(0, 100).await.unwrap();
    assert_eq!(inputs.iter().filter(|it| it.kind == RULES_CHANGED).count(), 1);

    // Nothing happens twice, and a person is stronger than the budget.
    bench.proposals.look(at(hour + 1)).await.unwrap();
    assert_eq!(bench.newest().await, 2);
    let rules = NewRules {
        author: "li".to_owned(),
        reason: "the sensor was exchanged".to_owned(),
        toml: TEXT.to_owned(),
        base_version: 2,
    };
    bench.records.change_rules(&rules, at(hour + 2)).await.unwrap();
    bench.proposals.look(at(hour + 3)).await.unwrap();
    assert_eq!((bench.newest().await, bench.shadows().await.len()), (3, 0));
    for turn in 0..6 {
        bench.judged("noisy", hour + 4 + turn, Judgement::Rejected).await;
    }
    bench.proposals.look(at(hour + 20)).await.unwrap();
    assert_eq!(bench.shadows().await, ["noisy"], "what is wrong again goes again");
}

#[tokio::test]
async fn a_rule_that_is_right_as_often_as_wrong_and_one_that_is_seldom_wrong_stay() {
    let bench = Bench::new().await;
    for turn in 0..8 {
        bench.judged("noisy", 3 * turn, Judgement::Confirmed).await;
        bench.judged("noisy", 3 * turn + 1, Judgement::Rejected).await;
        bench.judged("quiet", 48 * turn + 2, Judgement::Rejected).await;
    }
    bench.proposals.look(at(48 * 8)).await.unwrap();
    assert_eq!((bench.newest().await, bench.shadows().await.len()), (1, 0));
}

struct Bench {
    records: Records,
    proposals: Proposals,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open_file(&folder.path().join("records.db")).await.unwrap();
        let seed = NewConfig {
            kind: RULES.to_owned(),
            id: RULES.to_owned(),
            author: "forewarn".to_owned(),
            reason: "first start".to_owned(),
            toml: TEXT.to_owned(),
        };
        records.add_config(&seed, at(0) - Span::from_secs(3_600)).await.unwrap();
        let plant = Plant::new(toml::from_str(SITE).unwrap(), Vec::new()).unwrap();
        let knowledge = Knowledge {
            rules: parse(TEXT, 1).unwrap(),
            library: Arc::new(Library::built_in()),
            bearings: Arc::new(
                Catalogue::parse(include_str!("../../../../../models/bearings.csv")).unwrap(),
            ),
        };
        let book = Rulebook { plant: Arc::new(plant), knowledge };
        let clock = Clock::manual(at(0).micros());
        let config = StoreConfig::Memory { lateness: Span::from_secs(60) };
        let readings = ReadingStore::open(&config).await.unwrap();
        let proposals = Proposals { book, readings, records: records.clone(), clock };
        Self { records, proposals, _folder: folder }
    }

    /// An episode of a rule, of which somebody says something.
    async fn judged(&self, rule: &str, hour: i64, judgement: Judgement) {
        let key = EpisodeKey {
            site: "plant".parse().unwrap(),
            device: "press-1".parse().unwrap(),
            component: "machine".parse().unwrap(),
            family: FaultFamily::Hydraulic,
        };
        let anomaly = Anomaly {
            rule: RuleRef { id: rule.parse().unwrap(), version: 1 },
            device: key.device.clone(),
            component: key.component.clone(),
            family: key.family,
            channel: "press-1/plc/oil_temp".parse().unwrap(),
            onset: at(hour),
            confirmed: at(hour),
            state: "all".parse().unwrap(),
            severity: Severity::Warning,
            finding: Finding::Limit { value: 71.0, limit: 70.0, above: true },
            signals: Vec::new(),
        };
        let episode = Episode {
            id: EpisodeId::derive(&key, at(hour)),
            key,
            onset: at(hour),
            confirmed: at(hour),
            updated: at(hour),
            phase: Phase::Cleared,
            anomalies: vec![anomaly],
            recurrences: 0,
        };
        let saying = Saying {
            episodes: vec![episode.id],
            judgement,
            reason: (judgement == Judgement::Rejected).then_some(Reason::NormalState),
            note: String::new(),
            merged_into: None,
            author: "li".to_owned(),
            at: at(hour),
            request: None,
        };
        let commit = Commit { episodes: vec![episode], at: at(hour), ..Commit::default() };
        self.records.commit(&commit).await.unwrap();
        self.records.say(&saying).await.unwrap();
    }

    async fn newest(&self) -> i64 {
        self.records.config(RULES, RULES).await.unwrap().unwrap().version
    }

    async fn shadows(&self) -> Vec<String> {
        let config = self.records.config(RULES, RULES).await.unwrap().unwrap();
        let rules = parse(&config.config.toml, config.version).unwrap();
        let shadows = rules.rules.iter().filter(|it| it.is_shadow());
        shadows.map(|it| it.id().to_string()).collect()
    }
}

fn at(hour: i64) -> Time {
    Time::from_micros(1_780_000_000_000_000) + Span::from_secs(hour * 3_600)
}

const TEXT: &str = r#"schema = "forewarn.rule/1"
version = 1

[[rule]]
id = "noisy"
kind = "limit"
quantity = ["temperature"]
on = 70.0
off = 65.0
severity = "warning"
fault_family = "hydraulic"

[[rule]]
id = "quiet"
kind = "limit"
quantity = ["pressure"]
on = 70.0
off = 65.0
severity = "warning"
fault_family = "hydraulic"
"#;

const SITE: &str = r#"
schema = "forewarn.site/1"
[site]
id = "plant"
name = { en = "Plant", zh = "工厂" }
time_zone = "Asia/Shanghai"
"#;
