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
  const post = async (request, headers) => {
    const all = { 'content-type': 'application/json', ...(await authorization()), ...headers };
    const response = await fetch(graphUrl, { method: 'POST', headers: all, body: JSON.stringify(request) });
    return response.json();
  };

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
        h('span', { key: 'who', className: 'who' }, who ? `signed in as ${who}` : 'not signed in'),
        problem && h('span', { key: 'problem', className: 'problem', role: 'alert' }, problem),
      ]),
      h('div', { className: 'editor', key: 'editor' }, h(GraphiQL, { fetcher, query, variables, defaultEditorToolsVisibility: 'variables', shouldPersistHeaders: false })),
    ]);
  }

  ReactDOM.createRoot(document.getElementById('playground')).render(h(Playground));
})();
