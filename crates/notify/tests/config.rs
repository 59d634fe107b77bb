//! What a configuration of messages may say, and how it is refused.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;

use forewarn_domain::family::{FaultFamily, Priority};
use forewarn_domain::ticket::TicketEvent;
use forewarn_domain::time::Span;
use forewarn_notify::route::{About, channels};
use forewarn_notify::{InvalidMessages, Messages, MessagesFile};

const WECOM: &str = "[[channel]]\nid = 'mechanics'\nvia = { wecom = { key = { file = 'key' } } }\n";
const ERP: &str = "[[channel]]\nid = 'erp'\nvia = { webhook = { url = 'https://erp.example/t', secrets = [{ file = 'whsec' }] } }\n";

fn open(text: &str) -> Result<Messages, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "canary-key\n").unwrap();
    std::fs::write(folder.path().join("empty"), "\n").unwrap();
    let secret = "whsec_Y2FuYXJ5LXdlYmhvb2stc2VjcmV0LTAxMjM0NQ==";
    std::fs::write(folder.path().join("whsec"), secret).unwrap();
    let file: MessagesFile = toml::from_str(text).map_err(|error| error.to_string())?;
    file.open(folder.path(), "Asia/Shanghai").map_err(|error| told(&error))
}

/// An error with its causes.
fn told(error: &InvalidMessages) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |it| it.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[test]
fn the_example_of_the_documents_is_understood() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/messages.md");
    let text = std::fs::read_to_string(path).unwrap();
    let example = text.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    #[derive(serde::Deserialize)]
    struct File {
        messages: MessagesFile,
    }
    let file: File = toml::from_str(example).unwrap();
    assert_eq!((file.messages.channels.len(), file.messages.routes.len()), (3, 2));
    let template = Path::new(env!("CARGO_MANIFEST_DIR"));
    let template = template.join("../../config/examples/messages/sms.toml");
    let template = std::fs::read_to_string(template).unwrap();
    assert!(text.contains(template.split_once('\n').unwrap().1), "the shipped template is the one");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("sms.toml"), template).unwrap();
    for name in ["wecom.key", "mes.key"] {
        std::fs::create_dir_all(folder.path().join("secrets")).unwrap();
        let secret = "whsec_Y2FuYXJ5LXdlYmhvb2stc2VjcmV0LTAxMjM0NQ==";
        std::fs::write(folder.path().join("secrets").join(name), secret).unwrap();
    }
    std::fs::write(folder.path().join("sms.key"), "k").unwrap();
    let mut messages = file.messages;
    let refused = messages.open(folder.path(), "Asia/Shanghai").unwrap_err();
    assert!(told(&refused).contains("there is no secret in $SMS_KEY"), "{refused}");
    let text = example.replace("{ env = \"SMS_KEY\" }", "{ file = \"sms.key\" }");
    messages = toml::from_str::<File>(&text).unwrap().messages;
    let messages = messages.open(folder.path(), "Asia/Shanghai").unwrap();
    assert_eq!(messages.outlets[0].pace.cap.unwrap().per, Span::from_secs(3_600));
    assert_eq!(messages.outlets[0].links.as_deref(), Some("https://forewarn.plant.example"));
    assert_eq!(messages.outlets[1].channel.kind(), "provider");
}

#[test]
fn what_cannot_work_is_refused_by_name() {
    let check = |text: &str, expected: &str| {
        let refused = open(text).unwrap_err();
        assert!(refused.contains(expected), "{refused} does not say {expected}");
        assert!(!refused.contains("canary"), "{refused}");
    };
    check(&WECOM.replace("'key'", "'nowhere'"), "nowhere");
    check(&WECOM.replace("'key'", "'empty'"), "there is no secret in");
    check(&WECOM.replace("mechanics", "log"), "`log`");
    check(&WECOM.replace("mechanics", "A B"), "`A B`");
    check(&WECOM.replace("wecom", "wechat"), "wechat");
    check(&WECOM.replace("key = {", "kee = {"), "kee");
    check(&format!("{WECOM}{WECOM}"), "stands twice");
    check(&format!("{WECOM}gathr = '5s'\n"), "gathr");
    check(&format!("{WECOM}fallback = {{ to = 'nobody' }}\n"), "`nobody`");
    check(&format!("{WECOM}fallback = {{ to = 'mechanics' }}\n"), "lead back");
    check(&format!("{WECOM}quiet = {{ hours = {{ from = '25:00', to = '06:00' }} }}\n"), "25:00");
    check(&format!("{WECOM}[[route]]\nto = ['others']\n"), "`others`");
    check(&format!("{WECOM}[[route]]\nto = ['mechanics']\nevents = ['opend']\n"), "`opend`");
    check(&format!("{WECOM}[[route]]\nto = []\n"), "empty `to`");
    check(&format!("{WECOM}{ERP}[[route]]\nto = ['erp']\n"), "no route leads to");
    check(&format!("allow = ['plant']\n{WECOM}"), "`plant` is no network");
    check(&ERP.replace("'whsec'", "'key'"), "whsec_");
    check(&ERP.replace("https://erp", "ftp://erp"), "https://");
}

#[test]
fn without_routes_systems_get_everything_and_people_what_asks_for_work() {
    let messages = open(&format!("{WECOM}{ERP}")).unwrap();
    let device = "mill-01".parse().unwrap();
    let told = |event| {
        let about = About {
            event,
            priority: Priority::P4,
            device: &device,
            class: "",
            area: "",
            production_line: "",
            family: FaultFamily::Other,
            at: forewarn_domain::time::Time::default(),
        };
        channels(&messages.routes, &about, messages.zone).into_iter().collect::<Vec<_>>()
    };
    assert_eq!(told(TicketEvent::Opened), ["erp", "mechanics"]);
    assert_eq!(told(TicketEvent::DueSoon), ["erp", "mechanics"]);
    assert_eq!(told(TicketEvent::Accept), ["erp"]);
    assert!(!format!("{messages:?}").contains("canary"), "no secret is shown");
}

#[test]
fn a_stand_in_needs_no_route_of_its_own() {
    let second = ERP.replace("'erp'", "'stand-in'");
    let text = format!("{WECOM}fallback = {{ to = 'stand-in', after = '2m' }}\n{second}");
    let messages = open(&text).unwrap();
    assert_eq!(messages.outlets[0].fallback.as_ref().unwrap().after, Span::from_secs(120));
    assert_eq!(messages.routes.len(), 1, "it is told only when the first one fails");
}
