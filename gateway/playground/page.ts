/** A saved operation as the page offers it. */
export interface SavedOperation {
  /** Story and step, such as `Rental 2 quote`. */
  name: string;
  query: string;
  /** Example variables as JSON, or nothing. */
  variables: string;
  /** Whose button to press first. */
  as: string;
}

/** The playground's page. What it needs to know is JSON inside it, with `<` escaped so that no value can end the script element. */
export function playgroundPage(settings: { accounts: readonly string[]; password: string; operations: readonly SavedOperation[] }): string {
  const data = JSON.stringify(settings).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Waygraph playground</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/playground/graphiql.css">
<link rel="stylesheet" href="/playground/playground.css">
</head>
<body>
<div id="playground">Loading…</div>
<script type="application/json" id="settings">${data}</script>
<script src="/playground/react.js"></script>
<script src="/playground/react-dom.js"></script>
<script src="/playground/graphiql.js"></script>
<script src="/playground/graphql-ws.js"></script>
<script src="/playground/playground.js"></script>
</body>
</html>
`;
}
