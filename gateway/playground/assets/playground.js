/* global React, ReactDOM, GraphiQL, graphqlWs */
// The playground: GraphiQL with our saved operations and a button per demo account. Plain script, served as it is.
(() => {
  const settings = JSON.parse(document.getElementById('settings').textContent);
  const h = React.createElement;
  const graphUrl = '/graphql';
  const socketUrl = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`;
  const SESSION_FIELDS = '{ accessToken refreshToken expiresAt user { name } }';
  /** An access token is renewed this long before it expires, so that it does not expire on the way. */
  const RENEW_BEFORE_MS = 60_000;

  let session = null;

  const ask = async (query, variables) => {
    const response = await fetch(graphUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query, variables }) });
    const { data, errors } = await response.json();
    if (errors) throw new Error(errors[0].message);
    return data;
  };
  const signIn = async (email) => {
    const data = await ask(`mutation SignIn($input: SignInInput!) { signIn(input: $input) ${SESSION_FIELDS} }`, { input: { email, password: settings.password } });
    session = data.signIn;
  };
  const authorization = async () => {
    if (!session) return {};
    if (new Date(session.expiresAt) - Date.now() < RENEW_BEFORE_MS) {
      const data = await ask(`mutation Refresh($token: String!) { refreshSession(refreshToken: $token) ${SESSION_FIELDS} }`, { token: session.refreshToken });
      session = data.refreshSession;
    }
    return { authorization: `Bearer ${session.accessToken}` };
  };

  // A socket is of one person: signing in as another opens another. GraphiQL keeps one fetcher all the time; a new one would make it start over.
  const openSocket = () => graphqlWs.createClient({ url: socketUrl, connectionParams: authorization, lazy: true, shouldRetry: () => true, retryAttempts: 20 });
  let socket = openSocket();
  // By the text itself: GraphiQL notices a little late that the operation is another one, and whoever is quicker would ask for one that is gone.
  const fetcher = ({ query, variables, operationName }, { headers } = {}) => {
    const operations = [...query.matchAll(/^\s*(query|mutation|subscription)\b\s*(\w+)?/gm)].map(([, kind, name]) => ({ kind, name }));
    const chosen = operations.find(({ name }) => name && name === operationName) ?? operations[0];
    const request = { query, variables, operationName: chosen?.name };
    if (chosen?.kind === 'subscription') return socket.iterate(request);
    return post(request, headers);
  };
  /** Told of the fetches of every answer that says what they were; set by the page. */
  let showFetches = () => {};
  const post = async (request, headers) => {
    const all = { 'content-type': 'application/json', 'x-waygraph-timings': '1', ...(await authorization()), ...headers };
    const askedAt = performance.now();
    const response = await fetch(graphUrl, { method: 'POST', headers: all, body: JSON.stringify(request) });
    const result = await response.json();
    // GraphiQL reads the schema by the same way; nobody asked for that.
    if (request.operationName !== 'IntrospectionQuery') {
      showFetches({ name: request.operationName ?? 'The operation', tookMs: performance.now() - askedAt, fetches: result.extensions?.timings ?? null });
    }
    if (result.extensions) {
      // They have a view of their own.
      const { timings: _shown, ...others } = result.extensions;
      result.extensions = Object.keys(others).length > 0 ? others : undefined;
    }
    return result;
  };

  /** Subgraph operations come in one line. */
  const readable = (operation) => {
    let depth = 0;
    const lines = operation.split(/\s*([{}])\s*/).map((part) => {
      if (part === '{') return ` {\n${'  '.repeat(++depth)}`;
      if (part === '}') return `\n${'  '.repeat(--depth)}}\n${'  '.repeat(depth)}`;
      return part;
    });
    return lines.join('').replace(/\n\s*(?=\n)/g, '').trim();
  };

  /** What an answer was put together from: a line for each fetch, as long as it took, where it began; a click shows what was asked. */
  function Plan({ shown }) {
    if (!shown) return h('p', { className: 'hint' }, 'Run a query: here you see which subgraphs it was put together from, and where its time went.');
    const { name, tookMs, fetches } = shown;
    if (!fetches) return h('p', { className: 'hint' }, `${name} took ${tookMs.toFixed(1)} ms. Which fetches it needed is shown to admins.`);
    const wholeMs = Math.max(1, ...fetches.map(({ startMs, durationMs }) => startMs + durationMs));
    const line = ({ service, path, startMs, durationMs, entities, operation }, index) =>
      h('details', { key: `${index} ${service} ${startMs}`, className: 'fetch' }, [
        h('summary', { key: 'line' }, [
          h('span', { key: 'service', className: 'service' }, service),
          h('span', { key: 'path', className: 'path' }, path ? path.replaceAll('.@', '[]') : 'root'),
          h('span', { key: 'entities', className: 'entities' }, entities ? `${entities} ${entities === 1 ? 'entity' : 'entities'}` : ''),
          h('span', { key: 'lane', className: 'lane' },
            h('span', { className: 'bar-of-time', style: { marginLeft: `${(100 * startMs) / wholeMs}%`, width: `${Math.max(0.5, (100 * durationMs) / wholeMs)}%` } })),
          h('span', { key: 'took', className: 'took' }, `${durationMs.toFixed(1)} ms`),
        ]),
        h('pre', { key: 'operation' }, readable(operation)),
      ]);
    const count = fetches.length === 1 ? '1 fetch' : `${fetches.length} fetches`;
    return [
      h('p', { key: 'sum', className: 'hint' }, `${name}: ${count} from ${new Set(fetches.map(({ service }) => service)).size} subgraph(s), ${tookMs.toFixed(1)} ms in all`),
      ...fetches.map(line),
    ];
  }

  const welcome = `# Waygraph: one graph over car rental and ride hailing.
# Choose a saved operation above, or sign in as a demo account with one click.
query Cars {
  vehicles(first: 3) {
    nodes {
      id
      make
      model
      dailyRate { amount currency }
      availability(from: "2030-01-01T10:00:00Z", to: "2030-01-03T10:00:00Z") { free }
    }
  }
}
`;

  function Playground() {
    const [who, setWho] = React.useState(null);
    const [problem, setProblem] = React.useState(null);
    const [query, setQuery] = React.useState(welcome);
    const [variables, setVariables] = React.useState('');
    const [planShown, setPlanShown] = React.useState(false);
    const [answered, setAnswered] = React.useState(null);
    showFetches = setAnswered;

    const become = async (email) => {
      try {
        if (email) await signIn(email);
        else session = null;
        socket.dispose();
        socket = openSocket();
        setWho(email);
        setProblem(null);
      } catch (error) {
        setProblem(error.message);
      }
    };
    const choose = (event) => {
      const operation = settings.operations.find(({ name }) => name === event.target.value);
      if (!operation) return;
      setQuery(operation.query);
      setVariables(operation.variables);
    };
    return h('div', { className: 'frame' }, [
      h('div', { className: 'bar', key: 'bar' }, [
        h('strong', { key: 'title' }, 'Waygraph'),
        h('select', { key: 'operations', id: 'operations', 'aria-label': 'Saved operations', onChange: choose, defaultValue: '' }, [
          h('option', { key: '', value: '', disabled: true }, 'Saved operations…'),
          ...settings.operations.map(({ name, as }) => h('option', { key: name, value: name }, `${name} (as ${as})`)),
        ]),
        ...settings.accounts.map((email) =>
          h('button', { key: email, type: 'button', 'aria-pressed': who === email, onClick: () => become(who === email ? null : email) }, email.split('@')[0]),
        ),
        h('button', { key: 'plan', id: 'plan', type: 'button', 'aria-pressed': planShown, onClick: () => setPlanShown(!planShown) }, 'Plan and timings'),
        h('span', { key: 'who', className: 'who' }, who ? `signed in as ${who}` : 'not signed in'),
        problem && h('span', { key: 'problem', className: 'problem', role: 'alert' }, problem),
      ]),
      h('div', { className: 'editor', key: 'editor' }, h(GraphiQL, { fetcher, query, variables, defaultEditorToolsVisibility: 'variables', shouldPersistHeaders: false })),
      planShown && h('section', { className: 'plan', key: 'fetches', 'aria-label': 'Plan and timings' }, h(Plan, { shown: answered })),
    ]);
  }

  ReactDOM.createRoot(document.getElementById('playground')).render(h(Playground));
})();
