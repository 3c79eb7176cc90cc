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
