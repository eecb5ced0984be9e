// Shows openapi.json: paths, parameters, bodies and answers.

const element = (name, text, ...children) => {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
};

let description;
const follow = (node) => node?.$ref
  ? node.$ref.slice(2).split('/').reduce((at, key) => at[key], description) : node;

const values = (schema) => schema.enum?.join(', ')
  ?? (schema.minimum !== undefined ? `${schema.minimum} to ${schema.maximum}` : schema.pattern ?? schema.type);

const row = (...cells) => element('tr', '', ...cells.map((cell) => element('td', cell ?? '')));

function fields(list) {
  const rows = list.map(([name, schema, note]) => row(name, values(schema), note ?? schema.description));
  return element('table', '', element('tbody', '', ...rows));
}

function operation(method, path, about) {
  const parameters = (about.parameters ?? []).map(follow);
  const bodies = Object.keys(about.requestBody?.content ?? {});
  const answers = Object.entries(about.responses).map(([status, answer]) => row(status, follow(answer).description));
  const section = element('section', '',
    element('h2', `${method.toUpperCase()} ${path}`), element('p', about.summary));
  if (about.description) section.append(element('p', about.description));
  if (parameters.length) section.append(element('h3', 'Parameters'),
    fields(parameters.map((one) => [one.name, follow(one.schema), one.description])));
  if (bodies.length) section.append(element('h3', 'Body'), element('p', bodies.join(', ')));
  section.append(element('h3', 'Answers'), element('table', '', element('tbody', '', ...answers)));
  return section;
}

description = await (await fetch('openapi.json')).json();
document.querySelector('#about').textContent = description.info.description;
for (const [path, operations] of Object.entries(description.paths))
  for (const [method, about] of Object.entries(operations))
    document.querySelector('#paths').append(operation(method, path, about));
