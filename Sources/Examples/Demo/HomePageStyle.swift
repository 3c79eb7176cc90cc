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
        h1 span { color: var(--accent); }
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
