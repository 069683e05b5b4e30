//! Pasted replies: every span lies in the text, and every reply has a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (pasted, explained) = smtp_reasons::explain(text);
    assert_eq!(pasted.replies.len(), explained.len());
    assert!(explained.len() <= smtp_reasons::MOST_REPLIES);
    for found in &explained {
        for span in [Some(&found.reply.span), Some(&found.reply.said), found.telling.as_ref()].into_iter().flatten() {
            assert!(text.get(span.clone()).is_some());
        }
        for url in &found.reply.elements.urls {
            assert!(text.get(url.span.clone()).is_some());
        }
    }
    let _ = smtp_reasons::explain_code(text);
});
