//! Replies that people misread, and replies whose words decide.
#![allow(clippy::unwrap_used)]

use smtp_reasons::{Basis, Certainty, Pairing, Practice, Reason, explain, explain_code};

/// The reason of the first reply of `text`.
fn reason(text: &str) -> Reason {
    explain(text).1[0].reason.id
}

#[test]
fn codes_that_people_get_wrong() {
    use Reason::*;
    for (text, expected) in [
        // 5.7.1 is a refusal by policy, not a missing mailbox, even with the standard words of 550.
        ("550 5.7.1", Policy),
        ("550 5.7.1 Requested action not taken: mailbox unavailable", Policy),
        ("550 5.1.1", MailboxUnknown),
        // 5.7.23 is SPF, not a full mailbox.
        ("5.7.23", Spf),
        ("550 5.7.23 Message rejected", Spf),
        ("552 5.2.2", MailboxFull),
        // 422 and 523 of the lists on the web.
        ("523 5.7.10", TlsRequired),
        ("422 4.7.12", LoginRefused),
    ] {
        assert_eq!(reason(text), expected, "{text}");
    }
    let folklore = explain("541 The recipient address rejected your message").1.remove(0);
    assert!(folklore.is_nonstandard());
    assert!(folklore.basic.unwrap().references.is_empty());
    assert_eq!((reason("541"), reason("571 no"), reason("541 spam")), (Unexplained, Unexplained, Spam));
    // The words that lists on the web give for 541 speak of a filter, not of a missing mailbox.
    assert_eq!(folklore.reason.id, Policy);
    assert!(!explain("550 no").1[0].is_nonstandard());
}

#[test]
fn where_iana_and_a_provider_clash_the_words_decide() {
    use Reason::*;
    for (text, expected, provider) in [
        ("451 4.7.23 The sending IP address for this message doesn't have a PTR record", ReverseDns, Some("Gmail")),
        ("550 5.7.23 The message was rejected because of Sender Policy Framework violation", Spf, None),
        ("550-5.7.27 blocked because it didn't pass SPF authentication 550 5.7.27 gsmtp", Spf, Some("Gmail")),
        ("550 5.7.27 Sender address has null MX", SenderRefused, None),
        ("550 5.7.27 Sender domain of a@b.example publishes MX 0 .", SenderRefused, None),
        ("550 5.7.29 blocked because it wasn't sent over a TLS connection", TlsRequired, Some("Gmail")),
        ("550 5.7.29 ARC validation failure", Unauthenticated, None),
        ("550 5.7.30 blocked because it didn't pass DKIM authentication", Dkim, Some("Gmail")),
        ("550 5.7.30 REQUIRETLS support required", TlsFailed, None),
        (
            "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient jo@b.example not found by SMTP address lookup",
            MailboxUnknown,
            Some("Microsoft 365"),
        ),
        ("556 5.1.10 Recipient address has null MX", DomainRefusesMail, None),
        (
            "550 5.4.1 [jo@b.example]: Recipient address rejected: Access denied [X.mail.protection.outlook.com]",
            MailboxUnknown,
            Some("Microsoft 365"),
        ),
        ("451 4.4.1 No answer from host", Unreachable, None),
        (
            "550 5.7.9 This mail has been blocked because the sender is unauthenticated. Yahoo requires all senders to authenticate",
            Unauthenticated,
            Some("Yahoo"),
        ),
        (
            "550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents more - gsmtp",
            RateLimited,
            Some("Gmail"),
        ),
        ("550 5.2.1 The email account that you tried to reach is disabled. gsmtp", MailboxDisabled, None),
        ("550 5.7.606 Access denied, banned sending IP [192.0.2.9]", Blocklisted, Some("Microsoft 365")),
    ] {
        let explained = explain(text).1.remove(0);
        assert_eq!(explained.reason.id, expected, "{text}");
        assert_eq!(explained.provider.map(|o| o.provider.name.as_str()), provider, "{text}");
    }
}

#[test]
fn a_clashing_code_without_words_shows_both_sides() {
    for (code, provider) in [
        ("4.7.23", "Gmail"),
        ("5.7.27", "Gmail"),
        ("5.7.29", "Gmail"),
        ("5.7.30", "Gmail"),
        ("5.1.10", "Microsoft 365"),
        ("5.1.8", "Microsoft 365"),
        ("5.4.1", "Microsoft 365"),
        ("5.7.9", "Yahoo"),
        ("5.2.1", "Gmail"),
    ] {
        let explained = explain(code).1.remove(0);
        assert_eq!(explained.basis, Basis::Status, "{code}");
        assert!(explained.certainty <= Certainty::Medium);
        assert!(explained.elsewhere.iter().any(|o| o.provider.name == provider), "{code}: {:?}", explained.elsewhere);
        let by_code = explain_code(code).unwrap();
        assert!(by_code.providers.iter().any(|o| o.provider.name == provider && o.differs), "{code}");
        assert!(by_code.status.is_some());
    }
    assert!(explain("5.7.1").1[0].elsewhere.is_empty(), "X.7.1 is general; providers only narrow it");
    assert!(explain("5.1.1").1[0].elsewhere.is_empty());
}

#[test]
fn a_class_that_does_not_tell_the_truth() {
    use Practice::*;
    for (text, expected) in [
        ("451 4.7.23 The sending IP address doesn't have a PTR record gsmtp", NeverClears),
        ("421 4.7.27 rate limited because SPF authentication didn't pass for this message", NeverClears),
        ("421-4.7.26 rate limited because it is unauthenticated. gsmtp", NeverClears),
        ("450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]", NeverClears),
        ("454 4.7.1 Relay access denied", NeverClears),
        (
            "451 4.7.26 not accepted due to domain's DMARC policy, but temporary DNS failures prevent authentication",
            AsSaid,
        ),
        ("451 4.7.24 SPF temporary error", AsSaid),
        ("450 4.2.0 Greylisted for 300 seconds", AsSaid),
        ("450 4.1.1 unverified address: user unknown", AsSaid),
        ("552 5.2.2 mailbox full", Passes),
        ("550 5.7.1 This email has been rate limited. gsmtp", Passes),
        ("552 too many recipients", Passes),
        ("554 5.3.0 internal error", Passes),
        ("550 5.1.1 user unknown", AsSaid),
        ("550 5.7.1 listed in zen.spamhaus.org", AsSaid),
    ] {
        assert_eq!(explain(text).1[0].practice, expected, "{text}");
    }
}

#[test]
fn words_of_any_server() {
    use Reason::*;
    for (text, expected) in [
        ("550 5.1.1 <jo@b.example>: Recipient address rejected: User unknown in virtual mailbox table", MailboxUnknown),
        ("553 sorry, no mailbox here by that name. (#5.7.1)", MailboxUnknown),
        ("452 4.2.2 The recipient's inbox is out of storage space", MailboxFull),
        ("554 5.7.1 <jo@b.example>: Relay access denied", RelayDenied),
        (
            "450 4.2.0 <jo@b.example>: Recipient address rejected: Greylisted, see http://postgrey.example/help",
            Greylisted,
        ),
        ("451 4.7.1 Greylisting in action, please come back later", Greylisted),
        ("451 192.0.2.1 is not yet authorized to deliver mail from <a@b> to <c@d>. Please try later.", Greylisted),
        ("452 4.2.2 Greylisted, please try again in a few moments.", Greylisted),
        ("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", Blocklisted),
        ("554 Your IP is on MIPSpace, see www.mipspace.com", Blocklisted),
        ("550 5.7.1 dmarc reject for b.example", Dmarc),
        ("550 5.7.20 No passing DKIM signature found", Dkim),
        ("421 4.7.0 Too many connections from 192.0.2.1", TooManyConnections),
        ("452 4.5.3 Too many recipients", TooManyRecipients),
        ("554 5.7.1 Spam message rejected", Spam),
        ("552 5.3.4 Message size exceeds fixed limit", TooLarge),
        ("554 5.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]", ReverseDns),
        ("530 5.7.0 Must issue a STARTTLS command first", TlsRequired),
        ("530 5.7.0 Authentication required", LoginRequired),
        ("535 5.7.8 Error: authentication failed", LoginRefused),
        ("504 5.5.2 <host>: Helo command rejected: need fully-qualified hostname", Helo),
        ("553 5.1.8 <a@x.example>... Domain of sender address a@x.example does not exist", SenderRefused),
        ("554 5.4.6 Too many hops", RoutingLoop),
        ("550 5.7.1 RESOLVER.RST.AuthRequired; authentication required", SenderNotAllowed),
        ("550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required", SenderNotAllowed),
        ("554 5.2.0 STOREDRV.Deliver.Exception:QuotaExceededException", MailboxFull),
        ("550 invalid DNS MX or A/AAAA resource record", SenderRefused),
        ("550 Usuario desconocido", MailboxUnknown),
        ("550 Empfänger unbekannt", MailboxUnknown),
        ("452 Le compte a une boîte pleine", MailboxFull),
        ("451 4.7.1 Rechazado por lista gris", Greylisted),
        ("S3140", Blocklisted),
        ("550 SC-001 (COL004) Unfortunately, messages from 192.0.2.1 weren't sent.", Blocklisted),
        ("421 RP-001 (SNT004) Unfortunately, some messages from 192.0.2.1 weren't sent.", RateLimited),
        ("554 refused by sender score of 12", Reputation),
        ("dsn=4.4.1, status=deferred (connect to mx.b.example[192.0.2.4]:25: Connection timed out)", Unreachable),
        ("451 4.7.1 Service unavailable - try again later", Unexplained),
        ("550", Unexplained),
        ("554 5.0.0", Unexplained),
        ("450 4.7.1", Unexplained),
        ("250 2.1.5 Ok", Delivered),
        ("354 End data with <CR><LF>.<CR><LF>", Proceed),
    ] {
        assert_eq!(reason(text), expected, "{text}");
    }
}

#[test]
fn words_in_other_languages() {
    use Reason::*;
    for (text, expected) in [
        ("550 Das Postfach des Empfängers ist voll", MailboxFull),
        ("550 5.1.10 Empfänger nicht gefunden", MailboxUnknown),
        ("550 5.7.1 Die Nachricht wurde als SPAM abgelehnt", Spam),
        ("552 La boîte du destinataire est pleine", MailboxFull),
        ("550 L'adresse du destinataire est introuvable", MailboxUnknown),
        ("421 Trop de connexions, veuillez réessayer plus tard", TooManyConnections),
        ("550 Usuario no encontrado", MailboxUnknown),
        ("552 Buzón de correo lleno", MailboxFull),
        ("554 Su IP figura en una lista negra", Blocklisted),
        ("550 A caixa postal do usuário está cheia", MailboxFull),
        ("550 Destinatário não encontrado", MailboxUnknown),
        ("550 Casella inesistente", MailboxUnknown),
        ("550 Нет такого пользователя", MailboxUnknown),
        ("554 Сообщение признано спамом", Spam),
        ("550 宛先のメールアドレスが見つかりません", MailboxUnknown),
        ("552 メールボックスの容量が超過しています", MailboxFull),
        ("550 受信者により受信拒否されています", RecipientRefuses),
        ("550 收件人邮箱不存在", MailboxUnknown),
        ("552 对方邮箱空间已满", MailboxFull),
        ("554 邮件被判定为垃圾邮件", Spam),
        ("550 信箱不存在", MailboxUnknown),
        ("550 존재하지 않는 사용자입니다", MailboxUnknown),
        ("550 Kullanıcı bulunamadı", MailboxUnknown),
        // Words that say "no" and no more do not settle it.
        ("550 5.1.1 Zugriff verweigert", MailboxUnknown),
    ] {
        assert_eq!(reason(text), expected, "{text}");
    }
}

#[test]
fn what_one_make_of_server_says_names_its_setting() {
    use Reason::*;
    for (text, expected, maker, word) in [
        ("450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]", ReverseDns, "Postfix", "lead back"),
        ("504 5.5.2 <x>: Helo command rejected: need fully-qualified hostname", Helo, "Postfix", "full host name"),
        ("450 4.3.2 Service currently unavailable", Greylisted, "Postfix", "postscreen"),
        ("554 5.4.6 mail for b.example loops back to myself", RoutingLoop, "Postfix", "MX record"),
        ("451 4.3.0 <jo@b.example>: Temporary lookup failure", ServerTrouble, "Postfix", "database"),
        ("553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", RelayDenied, "qmail", "rcpthosts"),
        ("550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found", MailboxUnknown, "Exchange", "autocomplete"),
        ("554 SMTP synchronization error", Protocol, "Exim", "before the server"),
        ("550 5.7.1 rejected by DMARC policy for b.example", Dmarc, "OpenDMARC", "RejectFailures"),
        (
            "550 Domain b.example has exceeded the max emails per hour (150/100 (150%)) allowed",
            TooManyConnections,
            "cPanel",
            "hourly",
        ),
        (
            "554 5.7.1 Service unavailable; Client host blocked using zen.spamhaus.org; Error: open resolver; https://check.spamhaus.org/returnc/pub/192.0.2.53/",
            ServerTrouble,
            "Spamhaus",
            "no listing",
        ),
        ("550 blocked, https://www.spamhaus.org/query/ip/192.0.2.1 (PBL)", Blocklisted, "Spamhaus", "no accusation"),
        (
            "554 IP=192.0.2.1 - None/bad reputation. Ask your postmaster for help or to contact tosa@rx.t-online.de",
            Reputation,
            "Deutsche Telekom (T-Online)",
            "new servers",
        ),
        (
            "554 Your access to this mail system has been rejected due to the sending MTA's poor reputation. See http://www.senderbase.org/",
            Reputation,
            "Cisco Secure Email (IronPort)",
            "Talos",
        ),
        ("605 5.0.0 Not delivering to previously bounced address (mailgun)", Suppressed, "Mailgun", "did not send"),
    ] {
        let explained = explain(text).1.remove(0);
        assert_eq!(explained.reason.id, expected, "{text}");
        let overlay = explained.provider.unwrap_or_else(|| panic!("nothing of its own: {text}"));
        assert_eq!(overlay.provider.name, maker, "{text}");
        assert!(overlay.rule.meaning.contains(word), "{}", overlay.rule.meaning);
    }
}

#[test]
fn codes_are_explained_by_themselves() {
    let spf = explain_code("5.7.23").unwrap();
    assert_eq!((spf.reason.id, spf.status.unwrap().title.as_str()), (Reason::Spf, "SPF validation failed"));
    assert_eq!(explain_code("X.7.23").unwrap().status_code.as_deref(), Some("X.7.23"));
    assert_eq!(explain_code("#5.7.1").unwrap().reason.id, Reason::Policy);
    let general = explain_code("550").unwrap();
    assert!(general.vague && general.goes_with.len() > 20);
    let pair = explain_code("550 5.2.2").unwrap();
    assert_eq!((pair.pairing, pair.mismatch), (Pairing::NotAssociated, false));
    assert!(explain_code("550 4.2.2").unwrap().mismatch);
    assert!(explain_code("541").unwrap().basic.unwrap().references.is_empty());
    let unregistered = explain_code("5.7.999").unwrap();
    assert!(unregistered.status.is_none() && unregistered.subject.is_some());
    assert!(explain_code("599").unwrap().basic.is_none());
    for no_code in ["", "mx-alias", "5.7", "55", "600", "550 no", "550 5.7.1 text", "1.2.3", "5.7.1.1", "-"] {
        assert!(explain_code(no_code).is_none(), "{no_code:?}");
    }
}
