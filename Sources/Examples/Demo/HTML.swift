import ParanoidFastCGI

extension String {
    /// The text with everything escaped that means something in HTML, in elements and in quoted attributes.
    var escapedForHTML: String {
        var escaped = ""
        escaped.reserveCapacity(self.utf8.count)
        for scalar in self.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

/// A page in the style of the first one, without a script.
enum DemoPage {
    static func response(_ title: String, _ body: String) throws -> Response {
        let token = HomePage.randomToken()
        var response = Response.html(
            """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark"><title>\(title.escapedForHTML)</title>
            <style nonce="\(token)">\(HomePageStyle.text)</style></head>
            <body><header><h1><a href="/">Paranoid<span>FastCGI</span></a></h1></header>
            <main><section class="wide"><h2>\(title.escapedForHTML)</h2>\(body)</section></main></body></html>

            """
        )
        try response.setHeader("no-store", for: .cacheControl)
        try response.setHeader(
            "default-src 'none'; style-src 'nonce-\(token)'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            for: .contentSecurityPolicy
        )
        return response
    }
}

/// The style of the page, light or dark as the visitor's system is.
enum HomePageStyle {
    static let text = """
        :root { --paper: #f6f4ef; --card: #fffdf8; --ink: #22252b; --soft: #666b76; --line: #ddd8cc; --accent: #1f5f8b; --good: #1c7a4b;
            --bad: #b3261e; --warn: #8a5a00; --quiet: #6b7280; }
        @media (prefers-color-scheme: dark) {
            :root { --paper: #14171c; --card: #1c2027; --ink: #e8e6e1; --soft: #a2a8b4; --line: #323843; --accent: #7fbbe6; --good: #5fcf96;
                --bad: #ff8a80; --warn: #f0b95a; --quiet: #9aa3b2; }
        }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
        header, main, footer { max-width: 68rem; margin: 0 auto; padding: 0 1.25rem; }
        header { padding-top: 2.5rem; }
        h1 { font-size: 2.1rem; letter-spacing: -.03em; margin: 0; }
        h1 span { color: var(--accent); } h1 a { color: inherit; text-decoration: none; } a { color: var(--accent); }
        header + main { padding-top: 1.25rem; } [role=status]:not(:empty) { border-left: .25rem solid var(--good); padding-left: .75rem; }
        table { border-collapse: collapse; width: 100%; margin-bottom: 1rem; } caption { text-align: left; color: var(--soft); }
        th, td { text-align: left; padding: .45rem .8rem .45rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
        th { color: var(--soft); font-weight: normal; } td form { margin: 0; } [type=checkbox] { width: auto; }
        header p { color: var(--soft); max-width: 46rem; }
        h2 { font-size: 1.2rem; margin: 0 0 .75rem; }
        h3 { font-size: 1rem; margin: 0 0 .25rem; }
        main { display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); align-items: start; }
        section { background: var(--card); border: 1px solid var(--line); border-radius: .8rem; padding: 1.25rem 1.4rem; }
        section.wide { grid-column: 1 / -1; }
        code { font: .92em ui-monospace, monospace; }
        dl { margin: 0 0 1rem; }
        dl div { display: flex; justify-content: space-between; gap: 1rem; padding: .45rem 0; border-bottom: 1px solid var(--line); }
        dt { color: var(--soft); }
        dd { margin: 0; font-variant-numeric: tabular-nums; text-align: right; overflow-wrap: anywhere; }
        .badge { display: inline-block; border: 1.5px solid currentcolor; border-radius: 2rem; padding: .1rem .8rem; font-weight: 600; }
        .verdict { color: var(--soft); margin-top: 0; }
        [data-verdict=accepted] { color: var(--good); } [data-verdict=rejected] { color: var(--bad); }
        [data-verdict=new] { color: var(--accent); } [data-verdict=unchecked] { color: var(--warn); } [data-verdict=none] { color: var(--quiet); }
        .actions { display: flex; flex-wrap: wrap; gap: .6rem; }
        .actions form { display: flex; gap: .4rem; margin: 0; }
        input, button { font: inherit; color: inherit; border: 1px solid var(--line); border-radius: .5rem; padding: .4rem .8rem;
            background: var(--paper); }
        input { width: 8rem; }
        button { cursor: pointer; }
        button:hover, button:focus-visible { border-color: var(--accent); }
        button:disabled { opacity: .55; cursor: progress; }
        button.steal { background: var(--bad); border-color: var(--bad); color: var(--card); font-weight: 600; padding: .6rem 1.3rem; }
        #message { color: var(--warn); min-height: 1.5em; margin: .25rem 0 .75rem; }
        #thefts { list-style: none; margin: 1rem 0 0; padding: 0; }
        #thefts li { border-top: 1px solid var(--line); padding: .7rem 0; }
        #thefts p { margin: .2rem 0; color: var(--soft); font-size: .94rem; }
        #thefts .row { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .5rem; }
        .guards { display: grid; gap: 1.1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); }
        .guards p { margin: 0; color: var(--soft); font-size: .95rem; }
        footer { color: var(--soft); font-size: .92rem; padding-bottom: 2rem; }
        """
}

/// The script of the page.
///
/// Whatever comes from the server is shown as text, never as markup.
enum HomePageScript {
    static let text = """
        'use strict';
        const live = name => document.querySelector(`[data-live=${name}]`);
        const message = text => { document.getElementById('message').textContent = text; };
        // One request at a time: this page is one client, and its cookies move on with every answer.
        let queue = Promise.resolve();
        const ask = (path, options) => queue = queue.catch(() => {}).then(async () => {
            const answer = await fetch(path, { cache: 'no-store', ...options });
            if (!answer.ok) throw new Error(await answer.text());
            return answer.json();
        });

        const badge = (element, verdict) => { element.textContent = verdict; element.dataset.verdict = verdict; };
        const show = details => {
            const report = details.report;
            badge(live('verdict'), report.verdict);
            live('reason').textContent = report.reason ? `(${report.reason})` : '';
            live('user').textContent = report.user ?? 'nobody';
            live('hits').textContent = report.hits;
            live('nonce').textContent = details.nonceAgeMilliseconds == null ? 'no nonce yet' : `${details.nonceAgeMilliseconds} ms`;
            live('expiry').textContent = details.expiresAtUnixSeconds == null ? 'no session yet'
                : new Date(details.expiresAtUnixSeconds * 1000).toLocaleString();
            live('process').textContent = details.process;
        };
        const refresh = () => ask('/session/details').then(show).catch(error => message(error.message));

        for (const form of document.querySelectorAll('form[data-action]')) form.addEventListener('submit', async event => {
            event.preventDefault();
            message('');
            const post = form.method === 'post';
            try {
                const report = await ask(form.getAttribute('action'), post ? { method: 'POST', body: new URLSearchParams(new FormData(form)) } : {});
                if (report.verdict === 'rejected') message('The guard refused this request: ' + report.reason);
            } catch (error) { message(error.message); }
            refresh();
        });

        const line = (tag, text, parent) => { const made = document.createElement(tag); made.textContent = text; parent.append(made); return made; };
        document.getElementById('steal').addEventListener('submit', async event => {
            event.preventDefault();
            const button = event.target.querySelector('button'), list = document.getElementById('thefts');
            button.disabled = true;
            list.replaceChildren();
            line('p', 'The thieves are at work …', line('li', '', list));
            try {
                const thefts = await ask('/steal', { method: 'POST' });
                list.replaceChildren();
                for (const theft of thefts) {
                    const item = line('li', '', list), row = line('div', '', item);
                    row.className = 'row';
                    line('strong', theft.title, row);
                    const report = JSON.parse(theft.answer), mark = line('span', '', row), refused = report.verdict !== 'accepted';
                    mark.className = 'badge';
                    badge(mark, report.verdict);
                    mark.dataset.verdict = refused ? 'accepted' : 'rejected';
                    line('p', theft.story, item);
                    line('p', (refused ? `Kept out by: ${theft.guard}` : 'The thief is in') + (report.reason ? ` (${report.reason})` : '')
                        + `. Saw user ${report.user ?? 'nobody'}, ${report.hits} visits.`
                        + (theft.own ? ' These were your cookies; your session stands.' : ''), item);
                }
            } catch (error) { list.replaceChildren(); line('p', error.message, line('li', '', list)); }
            button.disabled = false;
            refresh();
        });

        refresh();
        setInterval(() => { if (!document.hidden) refresh(); }, 2000);
        """
}
