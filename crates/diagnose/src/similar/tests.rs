//! Retrieval over a small invented history.

use forewarn_domain::shape::View;

use super::*;

fn case(id: &str, day: i64, text: &str, part: &str, failure_mode: &str) -> PastCase {
    PastCase {
        id: id.to_owned(),
        at: at(day),
        device: "press-01".to_owned(),
        text: text.to_owned(),
        codes: Vec::new(),
        part: Some(part.to_owned()),
        failure_mode: Some(failure_mode.to_owned()),
        outcome: Outcome::Solved,
        shape: None,
    }
}

fn at(day: i64) -> Time {
    Time::from_millis(day * 86_400_000)
}

fn history() -> Vec<PastCase> {
    vec![
        case("r1", 1, "L/H bucket cylinder leaking", "cylinder", "leak"),
        case("r2", 2, "tilt cyl leaks oil", "cylinder", "leak"),
        case("r3", 3, "hydraulic hose blown on boom", "hose", "burst"),
        case("r4", 4, "replace blown hose", "hose", "burst"),
        case("r5", 5, "engine won't start", "starter", "no-start"),
        case("r6", 6, "starter motor dead, engine not starting", "starter", "no-start"),
        case("r7", 7, "main spindle bearing noisy and hot", "bearing", "noise"),
        case("r8", 8, "bearing squealing at spindle", "bearing", "noise"),
    ]
}

fn ask(text: &str) -> Question {
    Question { text: text.to_owned(), ..Question::default() }
}

fn learned(glossary: &Glossary) -> SimilarCases<'_> {
    let mut known = SimilarCases::new(glossary);
    history().into_iter().for_each(|it| known.push(it));
    known.learn();
    known
}

fn first_id(known: &SimilarCases<'_>, answer: &Answer) -> String {
    let first = answer.cases.first().expect("a case");
    known.case(first.case).expect("known").id.clone()
}

#[test]
fn a_question_finds_the_part_the_failure_mode_and_says_by_which_words() {
    let glossary = Glossary::built_in();
    let known = learned(&glossary);
    let answer = known.ask(&ask("R/H cylindr leakin"), 3);
    assert_eq!(answer.parts.first().expect("a part").label, "cylinder");
    assert_eq!(answer.failure_modes.first().expect("a mode").label, "leak");
    assert_eq!(answer.cases.len(), 3);
    let answer = known.ask(&ask("bucket cylinder leaking"), 1);
    assert_eq!(first_id(&known, &answer), "r1");
    let words: Vec<&str> = answer.cases[0].terms.iter().map(|it| it.0.as_str()).collect();
    assert!(words.iter().any(|it| it.contains("泄漏")), "{words:?}");
}

#[test]
fn a_chinese_question_finds_an_english_case_and_the_other_way_round() {
    let glossary = Glossary::built_in();
    let mut known = learned(&glossary);
    for (text, part) in [
        ("主轴轴承异响发热", "bearing"),
        ("油缸渗油", "cylinder"),
        ("发动机无法启动", "starter"),
        ("液压软管爆裂", "hose"),
    ] {
        let answer = known.ask(&ask(text), 3);
        assert_eq!(answer.parts.first().expect(text).label, part, "{text}");
    }
    known.push(case("r9", 9, "输送带跑偏，已调整", "输送带", "跑偏"));
    known.learn();
    let answer = known.ask(&ask("conveyor belt misaligned"), 1);
    assert_eq!(first_id(&known, &answer), "r9");
}

#[test]
fn a_new_case_is_found_before_it_is_learned_from() {
    let glossary = Glossary::built_in();
    let mut known = learned(&glossary);
    known.push(case("r9", 9, "radiator fan belt squeals", "fan belt", "noise"));
    assert_eq!(known.sizes(), (9, 8));
    let answer = known.ask(&ask("radiator fan belt squealing"), 2);
    assert_eq!(first_id(&known, &answer), "r9");
}

#[test]
fn no_question_sees_itself_or_what_came_later() {
    let glossary = Glossary::built_in();
    let mut question = ask("bucket cylinder leaking");
    question.id = Some("r1".to_owned());
    question.at = Some(at(4));
    let ids = |answers: &[(Answer, Vec<PastCase>)]| -> Vec<String> {
        answers[0].1.iter().map(|it| it.id.clone()).collect()
    };
    let all = answer_in_time(&glossary, history(), &[question.clone()], 8, |_| {});
    let mut seen = ids(&all);
    seen.sort();
    assert_eq!(seen, ["r2", "r3", "r4"], "its own record and later ones stay out");

    // Whatever happened later cannot change an answer, down to the scores.
    let until_then: Vec<PastCase> = history().into_iter().filter(|it| it.at <= at(4)).collect();
    let then = answer_in_time(&glossary, until_then, &[question], 8, |_| {});
    assert_eq!(all[0].0, then[0].0);
}

#[test]
fn the_order_of_questions_does_not_matter() {
    let glossary = Glossary::built_in();
    let mut questions: Vec<Question> = (2..8)
        .map(|day| Question { at: Some(at(day)), ..ask("hose blown, engine not starting") })
        .collect();
    let forward = answer_in_time(&glossary, history(), &questions, 3, |_| {});
    questions.reverse();
    let mut backward = answer_in_time(&glossary, history(), &questions, 3, |_| {});
    backward.reverse();
    assert_eq!(forward, backward);
}

#[test]
fn the_shape_of_the_signals_decides_between_cases_of_the_same_words() {
    let glossary = Glossary::built_in();
    let shape = |line: &str| {
        let mut shape = Shape::default();
        shape.set(View::Spectrum, line, 4.0);
        shape.set(View::Trend, "z_vel_rms", 1.0);
        Some(shape)
    };
    let mut known = SimilarCases::new(&glossary);
    for (id, part, line) in [("a", "outer-race", "bpfo"), ("b", "inner-race", "bpfi")] {
        for copy in 0..3 {
            let mut case = case(&format!("{id}{copy}"), copy, "spindle noisy", part, part);
            case.shape = shape(line);
            known.push(case);
        }
    }
    known.learn();
    // Leave one out: the case itself is no answer to its own question.
    for (id, part, line) in [("a1", "outer-race", "bpfo"), ("b1", "inner-race", "bpfi")] {
        let mut question = ask("noise at the spindle");
        question.shape = shape(line);
        question.id = Some(id.to_owned());
        let answer = known.ask(&question, 2);
        assert_eq!(answer.parts.first().expect("a part").label, part);
        assert_eq!(known.case(answer.cases[0].case).expect("known").part.as_deref(), Some(part));
        assert!(answer.cases[0].shape.expect("both have one") > 0.99);
        let wordless = Question { text: String::new(), ..question };
        let answer = known.ask(&wordless, 2);
        assert_eq!(known.case(answer.cases[0].case).expect("known").part.as_deref(), Some(part));
    }
}

#[test]
fn without_cases_nothing_is_claimed() {
    let glossary = Glossary::built_in();
    let known = SimilarCases::new(&glossary);
    assert_eq!(known.ask(&ask("leak"), 5), Answer::default());
}
