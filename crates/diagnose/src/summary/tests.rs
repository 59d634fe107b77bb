//! Whole summaries, word for word, as a mechanic reads them.

use forewarn_domain::anomaly::{Finding, Normal};
use forewarn_domain::episode::Phase;
use forewarn_domain::evidence::SimilarCase;
use forewarn_domain::family::FaultFamily;
use forewarn_domain::repair::{Activity, Outcome, RepairRecord};

use super::*;
use crate::diagnose;
use crate::fixtures::{Scene, minutes, repair};

#[test]
fn a_bearing_ticket_reads_like_this() {
    reads(&Scene::outer_race(), OUTER_RACE_EN, OUTER_RACE_ZH);
}

#[test]
fn an_oil_temperature_ticket_reads_like_this() {
    reads(&Scene::hot_oil(), HOT_OIL_EN, HOT_OIL_ZH);
}

#[test]
fn a_flat_sensor_ticket_reads_like_this() {
    reads(&Scene::flat_sensor(), FLAT_EN, FLAT_ZH);
}

#[test]
fn every_sentence_has_both_languages_and_a_source() {
    for scene in [Scene::outer_race(), Scene::hot_oil(), Scene::flat_sensor()] {
        let summary = summary(&scene);
        let parts = [&summary.observations, &summary.unchanged, &summary.history];
        let all = parts.into_iter().chain([&summary.actions, &summary.footer]).flatten();
        for sentence in all.chain(&summary.consequence) {
            assert!(!sentence.source.is_empty(), "{}", sentence.text.en);
            for text in [&sentence.text.en, &sentence.text.zh] {
                assert!(text.ends_with(['.', '。']), "{text}");
                assert!(!text.contains(['{', '}']), "a blank was left open: {text}");
                assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
            }
        }
    }
}

#[test]
fn similar_cases_are_told_once_with_what_did_not_work() {
    let mut scene = Scene::outer_race();
    let of = |record: &RepairRecord, likeness, shape| SimilarCase {
        id: record.id,
        at: record.at,
        device: record.device.clone(),
        component: record.component.clone(),
        cause: record.cause.clone(),
        activity: record.activity,
        part: record.part.clone(),
        text: record.text.clone(),
        outcome: record.outcome,
        hours: record.hours,
        ticket: record.ticket.clone(),
        likeness,
        shape,
        words: Vec::new(),
    };
    let is_own = |it: &&RepairRecord| it.device.as_str() == "mill-01";
    let own = scene.repairs.iter().filter(is_own).max_by_key(|it| it.at).expect("a repair");
    let failed = scene.repairs.iter().find(|it| !is_own(it)).expect("a sister's repair");
    let mut failed = failed.clone();
    failed.outcome = Outcome::NoEffect;
    scene.similar = vec![of(own, 0.9, Some(0.95)), of(&failed, 0.714, Some(0.8))];
    let told: Vec<Localized> = summary(&scene).history.into_iter().map(|it| it.text).collect();
    let similar: Vec<&Localized> =
        told.iter().filter(|it| it.en.starts_with("Similar case: ")).collect();
    assert_eq!(similar.len(), 1, "the own repair is told already: {told:#?}");
    let [en, zh] = [&similar[0].en, &similar[0].zh];
    assert!(en.contains("CNC-03, ") && en.contains("(alike 0.71 by signals and words): "), "{en}");
    assert!(en.contains("did NOT help") && zh.contains("无效"), "{en} {zh}");
    assert!(zh.starts_with("相似案例：CNC-03，"), "{zh}");
}

#[test]
fn the_same_case_gives_the_same_words() {
    assert_eq!(summary(&Scene::outer_race()), summary(&Scene::outer_race()));
}

#[test]
fn without_a_trend_nothing_is_said_about_the_future() {
    let mut scene = Scene::outer_race();
    scene.outlook = None;
    assert_eq!(summary(&scene).consequence, None);
}

#[test]
fn what_may_come_within_a_day_is_not_said_to_be_no_matter_of_today() {
    let mut scene = Scene::outer_race();
    scene.outlook.as_mut().expect("the scene has one").earliest = Span::from_secs(5 * 3_600);
    let said = summary(&scene).urgency;
    assert_eq!(said.en, "Do the test below first: it may be urgent in 5 h.");
    assert_eq!(said.zh, "请先做下面的判别：最早 5 小时后可能变为紧急。");
}

#[test]
fn each_kind_of_finding_is_put_into_words() {
    for (finding, en, zh) in [
        (
            Finding::Limit { value: 61.4, limit: 60.0, above: true },
            "Since 20 Nov 04:27, oil temperature is above its limit of 60 °C, now 61.4 °C.",
            "自 11-20 04:27 起，油温高于上限 60 °C，现为 61.4 °C。",
        ),
        (
            Finding::Rate { per_minute: 3.2, limit: 2.0, value: 61.4 },
            "Since 20 Nov 04:27, oil temperature rises by 3.20 K/min (limit 2 K/min), now 61.4 °C.",
            "自 11-20 04:27 起，油温上升过快：3.20 K/min（限值 2 K/min），现为 61.4 °C。",
        ),
        (
            Finding::Zone { zone: 'C', value: 3.4, limit: 2.8 },
            "Since 20 Nov 04:27, oil temperature is in zone C of ISO 20816-3 (not meant for long \
             running): 3.40 mm/s, zone C starts at 2.8 mm/s.",
            "自 11-20 04:27 起，油温处于 ISO 20816-3 的 C 区（不宜长期运行）：3.40 mm/s，C 区下限 2.8 mm/s。",
        ),
        (
            Finding::NoData { lasted: Span::from_secs(720), interval: Span::from_secs(1) },
            "Since 20 Nov 04:27, oil temperature has sent nothing, now for 12 min; a reading is due \
             every 1 s.",
            "自 11-20 04:27 起，油温没有数据，已持续 12 分钟；正常每 1 秒一个读数。",
        ),
        (
            Finding::NoData { lasted: Span::from_secs(720), interval: Span::ZERO },
            "Since 20 Nov 04:27, nothing has come from this machine, now for 12 min.",
            "自 11-20 04:27 起，该设备没有任何数据，已持续 12 分钟。",
        ),
        (
            beside_its_sisters(),
            "Since 20 Nov 04:27, oil temperature is 58.2 °C while 4 sister machines show 51.9 °C \
             (median): a difference of +6.30 K, usually +3.20 K (30 days, 4,120 samples).",
            "自 11-20 04:27 起，油温 58.2 °C，而 4 台同型机的中位数为 51.9 °C：相差 +6.30 K，平时 +3.20 K\
             （30 天，4120 个样本）。",
        ),
    ] {
        let mut scene = Scene::hot_oil();
        scene.episode.anomalies[0].finding = finding;
        let first = summary(&scene).observations.remove(0);
        assert_eq!(first.text, Localized::new(en, zh));
        assert_eq!(first.source, "mill-01/box/oil_temp");
    }
}

#[test]
fn a_silent_machine_points_to_its_link_and_claims_nothing_about_its_health() {
    let mut scene = Scene::flat_sensor();
    scene.episode.key.family = FaultFamily::Connectivity;
    scene.episode.key.component = "machine".parse().expect("slug");
    scene.episode.anomalies[0].finding =
        Finding::NoData { lasted: Span::from_secs(720), interval: Span::ZERO };
    let summary = summary(&scene);
    let headline = "No connection to the machine: gateway, network or power is suspected";
    assert!(summary.headline.en.starts_with(headline), "{}", summary.headline.en);
    assert!(summary.unchanged[0].text.en.starts_with("Not known"), "{:?}", summary.unchanged);
}

#[test]
fn when_no_cause_leads_the_first_line_says_so_and_names_two() {
    let mut scene = Scene::hot_oil();
    scene.repairs.clear();
    scene.episode.key.family = FaultFamily::Rotor;
    scene.episode.key.component = "spindle-front".parse().expect("slug");
    scene.episode.anomalies[0].channel = "mill-01/box/vel".parse().expect("channel");
    scene.episode.anomalies[0].signals.clear();
    scene.episode.anomalies[0].finding = Finding::Zone { zone: 'C', value: 3.4, limit: 2.8 };
    scene.unchanged.clear();
    let summary = summary(&scene);
    assert!(summary.headline.en.starts_with("Not clear yet. "), "{}", summary.headline.en);
    assert!(summary.headline.en.contains("next likely: imbalance"), "{}", summary.headline.en);
    assert!(summary.headline.zh.starts_with("尚不能确定。"), "{}", summary.headline.zh);
    assert!(summary.unchanged[0].text.en.starts_with("Not known"), "silence is not normality");
}

#[test]
fn what_came_back_and_what_is_normal_again_is_told() {
    let mut scene = Scene::hot_oil();
    scene.episode.recurrences = 2;
    scene.episode.phase = Phase::Cleared;
    scene.episode.updated = minutes(-2);
    let texts: Vec<String> =
        summary(&scene).observations.into_iter().map(|it| it.text.en).collect();
    assert_eq!(texts[1], "It went back to normal and returned 2 times.");
    assert_eq!(texts[2], "Back to normal since 20 Nov 06:00; the cause is still open.");
}

#[test]
fn with_enough_closes_the_summary_says_how_many() {
    let mut scene = Scene::hot_oil();
    for age in 40..45 {
        let mut record = repair("mill-01", "hydraulics", Activity::Service, age);
        record.cause = Some("oil-overheating".into());
        scene.repairs.push(record);
    }
    let basis = summary(&scene).history.pop().expect("the basis stands last").text;
    assert_eq!(
        basis.en,
        "Probabilities rest on 6 confirmed closes of this machine and 1 of sister machines."
    );
    assert_eq!(basis.zh, "概率依据：本机 6 次、同型机 1 次已确认的结案。");
}

/// By its sister machines 55.1 °C is to be expected.
fn beside_its_sisters() -> Finding {
    let scene = Scene::hot_oil();
    let Finding::Level { normal, .. } = &scene.episode.anomalies[0].finding else {
        panic!("another finding");
    };
    let expected = Normal { low: 54.6, median: 55.1, high: 55.8, ..normal.clone() };
    Finding::Siblings { z: 9.4, value: 58.2, median: 51.9, siblings: 4, expected }
}

fn reads(scene: &Scene, en: &str, zh: &str) {
    let text = summary(scene).text();
    assert_eq!(text.en, en.trim());
    assert_eq!(text.zh, zh.trim());
}

fn summary(scene: &Scene) -> Summary {
    scene.case(|case| diagnose(case, &Library::built_in()).summary)
}

const OUTER_RACE_EN: &str = "\
Outer-race damage developing on the front spindle bearing (98 %).
Not urgent today: plan the work within 6 days.
Since 19 Nov 21:40 a knock repeats at 107.0 Hz = 3.58 × shaft speed, the outer-race frequency (BPFO) of 6205, off by 0.1 %; 4 harmonics in the envelope spectrum, in 11 of 12 bursts (newest at 1,790 rpm, state cut).
At the same time high-frequency vibration Z is 0.61 g, normal 0.15–0.27 g: 2.9 × the usual.
Not changed: vibration velocity 1.21 mm/s (normal 0.90–1.60); bearing temperature 41.3 °C (normal 36.0–44.0).
18 Oct (33 days ago): inspected, \"noise at spindle\" – nothing found (FW-2026-0960).
15 Aug (97 days ago): serviced, \"补脂 NBU15\" – solved (FW-2026-0871), held 96 days.
6205-2RS C3 of the front spindle bearing last replaced on 12 Mar, 253 days ago – solved (FW-2026-0317).
2 repairs of this part within 12 months.
Lubrication is overdue: last on 15 Aug, 97 days ago, due every 90 days.
Sister machine CNC-03, 23 Jul: replaced (6205-2RS C3) – solved, 3.1 h.
Sister machine CNC-03, 14 Jul: serviced – did NOT help.
Tried against \"outer-race damage of the bearing\", here and on sister machines: replacing helped 2 of 2; servicing did NOT help (1 tried).
Not enough data on earlier repairs (2 confirmed here, 1 on sister machines; 5 are needed): the probabilities rest on what is seen today and on general experience.
If nothing is done: zone C is reached in 6 to 15 days (80 % interval, trend of 34 h).
Decide first: run at 900 rpm and take one burst: the line must move to 53.8 Hz (2 min, no tools).
If confirmed: order the bearing and plan its replacement at the next stop that is long enough.
Then: after replacing, look at the removed races: a dull band all round means wear, a single pit fatigue, fine cross stripes current through the bearing.
Parts: 6205-2RS C3. About 2.8 h (median of 2 repairs).
Data: 99.9 % of 8,637 readings in 24 h are good, 3 bad, 2 too late.
Shaft speed measured as \"spindle encoder\".
Rule spindle-bearing v7.
";

const OUTER_RACE_ZH: &str = "\
主轴前轴承外圈损伤正在发展（98 %）。
今天不紧急：请在 6 天内安排维修。
自 11-19 21:40 起，12 次采集中有 11 次（cut，最近一次 1790 rpm），包络谱出现 107.0 Hz = 3.58 倍转频（6205 外圈故障频率 BPFO，偏差 0.1 %），含 4 个谐波。
同时高频振动 Z 0.61 g，正常 0.15–0.27 g，为平时的 2.9 倍。
无变化：振动速度 1.21 mm/s（正常 0.90–1.60）；轴承温度 41.3 °C（正常 36.0–44.0）。
10-18（33 天前）：检查，“noise at spindle”，未发现问题（FW-2026-0960）。
08-15（97 天前）：保养，“补脂 NBU15”，已解决（FW-2026-0871），维持了 96 天。
主轴前轴承的 6205-2RS C3 上次更换 03-12，距今 253 天，已解决（FW-2026-0317）。
该部位近 12 个月已维修 2 次。
润滑已超期：上次 08-15，距今 97 天，周期 90 天。
同型机 CNC-03，07-23：更换（6205-2RS C3），已解决，3.1 h。
同型机 CNC-03，07-14：保养，无效。
本机和同型机以往处理轴承外圈损伤：更换 2 次，2 次有效；保养 1 次，无效。
以往维修的数据不足（已确认结案：本机 2 次、同型机 1 次，至少需要 5 次）：概率依据本次征兆和一般经验。
不处理的后果：6–15 天后进入 C 区（80 % 区间，按 34 小时趋势推算）。
先判别：在 900 rpm 下采集一次：谱线应移到 53.8 Hz（2 分钟，无需工具）。
若确认：备好轴承，安排在下一次时间足够的停机时更换。
然后：更换后检查旧轴承滚道：一圈暗带为磨损，单个剥落坑为疲劳，细密横纹为轴电流。
备件：6205-2RS C3。约 2.8 h（2 次维修的中位数）。
数据：24 小时内 8637 个读数，99.9 % 有效，坏值 3 个，迟到 2 个。
转速取自测点“主轴编码器”。
规则 spindle-bearing v7。
";

const HOT_OIL_EN: &str = "\
Oil of the hydraulic unit is overheating, the cooler is suspected (97 %).
Not urgent today: do the test below soon and plan the work for the coming days.
Since 20 Nov 04:27, oil temperature is 61.4 °C; normal is 41.0–47.5 °C, usually 44.2 °C (30 days, 4,120 samples). That is 17.2 K above usual.
Not changed: system pressure 118 bar (normal 112–123); oil level 71.0 % (normal 66.0–76.0); spindle load 38.0 % (normal 21.0–55.0).
20 Oct (31 days ago): serviced, \"吹扫冷却器\" – improved, not solved, 1.2 h, held 30 days.
Sister machine CNC-03, 4 May: serviced – solved.
Tried against \"fouled or dry oil cooler\", here and on sister machines: servicing helped 1 of 1.
Not enough data on earlier repairs (1 confirmed here, 1 on sister machines; 5 are needed): the probabilities rest on what is seen today and on general experience.
Decide first: feel or measure the cooler's inlet and outlet: less than 5 K apart means that it does not cool (3 min, no tools).
Until then keep the oil below 70 °C: reduce the load if it climbs further.
If confirmed: clean the cooler and check the flow of water or air through it.
Parts: cleaning agent, cooler gasket. About 1.2 h (1 earlier repair).
Data: 99.9 % of 8,637 readings in 24 h are good, 3 bad, 2 too late.
Rule learned-level v1.
";

const HOT_OIL_ZH: &str = "\
液压站油温过高，怀疑冷却器散热不良（97 %）。
今天不紧急：请尽快做下面的判别，并在近几天安排维修。
自 11-20 04:27 起，油温 61.4 °C；正常范围 41.0–47.5 °C，通常 44.2 °C（30 天，4120 个样本），比平时高 17.2 K。
无变化：系统压力 118 bar（正常 112–123）；油位 71.0 %（正常 66.0–76.0）；主轴负载 38.0 %（正常 21.0–55.0）。
10-20（31 天前）：保养，“吹扫冷却器”，有所改善，未根治，1.2 h，维持了 30 天。
同型机 CNC-03，05-04：保养，已解决。
本机和同型机以往处理油冷却器脏堵或缺水：保养 1 次，1 次有效。
以往维修的数据不足（已确认结案：本机 1 次、同型机 1 次，至少需要 5 次）：概率依据本次征兆和一般经验。
先判别：摸或测冷却器进出油口温度：温差小于 5 K 说明冷却器不起作用（3 分钟，无需工具）。
处理前保持油温低于 70 °C，继续上升时降低负荷。
若确认：清洗冷却器，检查水流或风量。
备件：清洗剂、冷却器密封垫。约 1.2 h（据 1 次维修）。
数据：24 小时内 8637 个读数，99.9 % 有效，坏值 3 个，迟到 2 个。
规则 learned-level v1。
";

const FLAT_EN: &str = "\
The sensor, not the machine, is suspected: bearing temperature does not move (99 %).
The machine may run, but nothing watches it here until the signal is back.
Since 20 Nov 02:52, bearing temperature has read exactly 38.5 °C, now for 3 h 6 min. A working sensor always moves a little.
The machine itself looks normal: vibration velocity 1.21 mm/s (normal 0.90–1.60); spindle load 38.0 % (normal 21.0–55.0).
No earlier trouble with a sensor is on record here.
Not enough data on earlier repairs (no confirmed close is on record; 5 are needed): the probabilities rest on what is seen today and on general experience.
Decide first: touch, warm or tap the sensor and watch the reading of bearing temperature: a working sensor answers within seconds (2 min, no tools).
Switch the sensor or its converter off and on again; swap the sensor if the value stays.
Do not open the machine for this ticket.
Parts: sensor of the same type, cable. About 0.5 h (general experience).
Data: 99.9 % of 8,637 readings in 24 h are good, 3 bad, 2 too late.
Rule flat-line v2.
";

const FLAT_ZH: &str = "\
怀疑是传感器故障，不是设备故障：轴承温度读数不变（99 %）。
设备可以运行，但信号恢复前此处无监测。
自 11-20 02:52 起，轴承温度一直是 38.5 °C，已持续 3 小时 6 分钟。正常的传感器读数总会有微小波动。
设备本身正常：振动速度 1.21 mm/s（正常 0.90–1.60）；主轴负载 38.0 %（正常 21.0–55.0）。
此处没有传感器故障的记录。
以往维修的数据不足（尚无已确认的结案，至少需要 5 次）：概率依据本次征兆和一般经验。
先判别：触碰、加热或轻敲传感器，观察轴承温度读数：正常传感器几秒内会有反应（2 分钟，无需工具）。
传感器或变送器断电重启，读数仍不变则更换传感器。
不要因本工单拆检设备。
备件：同型号传感器、电缆。约 0.5 h（一般经验）。
数据：24 小时内 8637 个读数，99.9 % 有效，坏值 3 个，迟到 2 个。
规则 flat-line v2。
";
