import ParanoidFastCGI

/// The page with the form and the list of files.
enum UploadPage {
    static func response(_ uploads: [StoredUpload], token: String) -> Response {
        let nonce = String(UInt64.random(in: .min ... .max), radix: 36) + String(UInt64.random(in: .min ... .max), radix: 36)
        let rows = uploads.map { upload in
            let name = upload.name.escaped
            let isComplete = upload.received == upload.size
            let link = isComplete ? "<a href=\"/files/\(upload.id)\">\(name)</a>" : "<span>\(name)</span>"
            return "<li>\(link) <span class=\"soft\">\(isComplete ? "" : "\(upload.received) of ")\(upload.size) bytes</span></li>"
        }
        var response = Response.html(
            """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark"><meta name="csrf_token" content="\(token)"><title>Upload</title>
            <style nonce="\(nonce)">\(self.style)</style></head>
            <body><header><h1>Up<span>load</span></h1></header><main>
            <section><h2>Send a file</h2>
            <p class="soft">It travels in slices. Close the page or lose the connection: choose the same file again, and it goes on where it was.</p>
            <form id="form"><input type="file" id="file" required aria-label="File"> <button>Send</button></form>
            <progress id="progress" value="0" max="1" hidden></progress><p id="message" role="status"></p></section>
            <section><h2>Files</h2><ul id="files">\(rows.isEmpty ? "<li class=\"soft\">There are none yet.</li>" : rows.joined())</ul></section>
            </main><script nonce="\(nonce)">\(self.script)</script></body></html>

            """
        )
        // The value is well-formed, so it is not refused.
        try? response.setHeader(
            "default-src 'none'; style-src 'nonce-\(nonce)'; script-src 'nonce-\(nonce)'; connect-src 'self'; form-action 'self'; "
                + "base-uri 'none'; frame-ancestors 'none'",
            for: .contentSecurityPolicy
        )
        return response
    }

    private static let script = """
        'use strict';
        const slice = 512 * 1024, progress = document.getElementById('progress'), message = document.getElementById('message');
        const token = document.querySelector('meta[name=csrf_token]').content;
        const ask = async (path, options = {}) => {
            const answer = await fetch(path, { ...options, headers: { 'X-CSRF-Token': token, ...options.headers } });
            if (!answer.ok && answer.status !== 409) throw new Error(await answer.text());
            return answer.json();
        };
        // What a file is known by in this browser, so that it can go on after a reload.
        const key = file => `upload ${file.name} ${file.size} ${file.lastModified}`;
        const begin = async file => {
            const known = localStorage.getItem(key(file));
            if (known) try { return await ask(`/uploads/${known}`); } catch { localStorage.removeItem(key(file)); }
            const body = JSON.stringify({ name: file.name, size: file.size });
            const upload = await ask('/uploads', { method: 'POST', body, headers: { 'Content-Type': 'application/json' } });
            localStorage.setItem(key(file), upload.id);
            return upload;
        };
        document.getElementById('form').addEventListener('submit', async event => {
            event.preventDefault();
            const file = document.getElementById('file').files[0];
            try {
                let upload = await begin(file);
                progress.hidden = false;
                message.textContent = upload.received ? `Goes on at ${upload.received} bytes.` : '';
                const events = new EventSource(`/uploads/${upload.id}/events`);
                const complete = new Promise(resolve => {
                    events.onmessage = event => {
                        const [received, size] = event.data.split(' ').map(Number);
                        progress.max = size || 1;
                        progress.value = size ? received : 1;
                        message.textContent = `${received} of ${size} bytes are there.`;
                        if (received === size) { events.close(); resolve(); }
                    };
                });
                while (upload.received < file.size) {
                    const part = file.slice(upload.received, upload.received + slice);
                    upload = await ask(`/uploads/${upload.id}`, { method: 'PATCH', body: part, headers: { 'Upload-Offset': upload.received } });
                }
                await complete;
                localStorage.removeItem(key(file));
                location.reload();
            } catch (error) { message.textContent = error.message; }
        });
        """

    private static let style = """
        :root { --paper: #f6f4ef; --card: #fffdf8; --ink: #22252b; --soft: #666b76; --line: #ddd8cc; --accent: #1f5f8b; }
        @media (prefers-color-scheme: dark) {
            :root { --paper: #14171c; --card: #1c2027; --ink: #e8e6e1; --soft: #a2a8b4; --line: #323843; --accent: #7fbbe6; }
        }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
        header, main { max-width: 46rem; margin: 0 auto; padding: 0 1.25rem; } header { padding-top: 2rem; }
        h1 { font-size: 2.1rem; letter-spacing: -.03em; margin: 0; } h1 span { color: var(--accent); } a { color: var(--accent); }
        h2 { font-size: 1.2rem; margin: 0 0 .75rem; }
        main { display: grid; gap: 1.25rem; padding-block: 1.25rem 3rem; }
        section { background: var(--card); border: 1px solid var(--line); border-radius: .8rem; padding: 1.25rem 1.4rem; }
        .soft { color: var(--soft); font-size: .94rem; } ul { list-style: none; margin: 0; padding: 0; }
        li { border-top: 1px solid var(--line); padding: .5rem 0; display: flex; justify-content: space-between; gap: 1rem; overflow-wrap: anywhere; }
        input, button { font: inherit; color: inherit; border: 1px solid var(--line); border-radius: .5rem; padding: .4rem .8rem;
            background: var(--paper); } button { cursor: pointer; } button:hover, button:focus-visible { border-color: var(--accent); }
        progress { width: 100%; height: 1rem; accent-color: var(--accent); margin-top: 1rem; }
        #message { color: var(--soft); min-height: 1.5em; margin: .4rem 0 0; }
        """
}

extension String {
    /// The text with everything escaped that means something in HTML, in elements and in quoted attributes.
    fileprivate var escaped: String {
        self.unicodeScalars.reduce(into: "") { escaped, scalar in
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
    }
}
