//! The rule kind that judges all channels of a machine together.

use forewarn_detect::{Condition, DeviceNotice};
use forewarn_domain::anomaly::Finding;
use forewarn_domain::family::FaultFamily;
use forewarn_domain::id::ComponentId;

use crate::bench::Bench;

const TOGETHER: &str = r#"
[[rule]]
id = "unlike-before"
kind = "monitor"
quantity = ["vibration.velocity.rms", "pressure", "temperature", "load"]
window = "1s"
learn = { samples = 400, for = "400s" }
severity = "warning"
fault_family = "other"
"#;

#[test]
fn channels_judged_together_give_one_finding_led_by_the_one_that_left() {
    let mut bench = Bench::new(TOGETHER);
    bench.run_usual(300);
    let condition = bench.condition("unlike-before", "pressure");
    assert!(matches!(condition, Condition::Learning { needed: 400, .. }), "{condition:?}");
    bench.run_usual(300);
    assert_eq!(bench.condition("unlike-before", "pressure"), Condition::Armed);
    assert!(bench.raised().is_empty());
    for _ in 0..100 {
        let values = bench.usual_but("pressure", 108.0);
        bench.tick(&values);
    }
    let raised = bench.raised();
    let [found] = raised.as_slice() else { panic!("{raised:?}") };
    assert_eq!((found.channel.point_str(), found.family), ("pressure", FaultFamily::Hydraulic));
    assert!(
        0.5 < found.signals[0].weight && found.signals[0].channel == found.channel,
        "{found:?}"
    );
    let Finding::Level { z, value, normal } = &found.finding else { panic!("{found:?}") };
    assert!(*z < -4.0 && *value < 115.0 && (normal.median - 120.0).abs() < 1.0, "{found:?}");
    assert_eq!(bench.condition("unlike-before", "pressure"), Condition::Active);
    bench.run_usual(400);
    assert_eq!((bench.raised().len(), bench.cleared()), (1, 1));
}

#[test]
fn a_stored_state_goes_on_where_it_was_and_a_repair_begins_anew() {
    let mut bench = Bench::new(TOGETHER);
    bench.run_usual(450);
    let text = serde_json::to_string(&bench.state).unwrap();
    bench.state = bench.plan.adopt(serde_json::from_str(&text).unwrap());
    assert_eq!(bench.condition("unlike-before", "vel"), Condition::Armed);
    for _ in 0..50 {
        let values = bench.usual_but("vel", 2.2);
        bench.tick(&values);
    }
    assert_eq!(bench.raised().len(), 1);
    let component = ComponentId::new("machine").unwrap();
    bench.notice(&DeviceNotice::Rebaseline { component, at: bench.now });
    assert_eq!(bench.cleared(), 1);
    let condition = bench.condition("unlike-before", "vel");
    assert!(matches!(condition, Condition::Learning { samples: 0, .. }), "{condition:?}");
}
