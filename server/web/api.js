// Shows openapi.json: paths, parameters, bodies and answers.

const element = (name, text, ...children) => {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
};

// Text with `code` in it.
const prose = (name, text) => element(name, '',
  ...text.split('`').map((part, i) => i % 2 ? element('code', part) : part));

let description;
const follow = (node) => node?.$ref
  ? node.$ref.slice(2).split('/').reduce((at, key) => at[key], description) : node;

const values = (schema) => schema.enum?.join(', ') ?? schema.const
  ?? (schema.maximum !== undefined ? `${schema.minimum} to ${schema.maximum}` : schema.pattern ?? schema.type);

const row = (...cells) => element('tr', '', ...cells.map((cell) => prose('td', cell ?? '')));
const table = (rows) => element('table', '', element('tbody', '', ...rows));

const fields = (list) => table(list.map(([name, schema, note]) =>
  row(`\`${name}\``, values(schema), note ?? schema.description)));

const properties = (schema) => Object.entries(schema.properties ?? {}).map(([name, at]) => [name, follow(at)]);

// A body of several fields, or the bytes of one picture. Fields that are parameters, too, are listed there.
function body(media, schema, parameters) {
  const shown = properties(schema).filter(([name]) => !parameters.some((one) => one.name === name));
  const same = shown.length < properties(schema).length;
  const note = same ? 'with the parameters as further fields' : schema.description ?? '';
  return [element('p', '', element('code', media), note && ` ${note}`), ...shown.length ? [fields(shown)] : []];
}

const answer = ([status, { description: text, content, headers }]) => row(status, text,
  Object.keys(content ?? {}).map((media) => `\`${media}\``).join(', '),
  Object.keys(headers ?? {}).map((name) => `\`${name}\``).join(', '));

function operation(method, path, about) {
  const parameters = (about.parameters ?? []).map(follow);
  const bodies = Object.entries(about.requestBody?.content ?? {});
  const answers = Object.entries(about.responses).map(([status, at]) => answer([status, follow(at)]));
  const section = element('section', '', element('h2', `${method.toUpperCase()} ${path}`), prose('p', about.summary));
  section.id = about.operationId;
  if (about.description) section.append(prose('p', about.description));
  if (parameters.length) section.append(element('h3', 'Parameters'),
    fields(parameters.map((one) => [one.name, follow(one.schema), one.description])));
  if (bodies.length) section.append(element('h3', 'Body'),
    ...bodies.flatMap(([media, { schema }]) => body(media, follow(schema), parameters)));
  section.append(element('h3', 'Answers'), table(answers));
  return section;
}

description = await (await fetch('openapi.json')).json();
document.querySelector('#about').replaceWith(prose('p', description.info.description));
for (const [path, operations] of Object.entries(description.paths))
  for (const [method, about] of Object.entries(operations))
    document.querySelector('#paths').append(operation(method, path, about));
