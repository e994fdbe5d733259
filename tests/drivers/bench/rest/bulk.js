// One value for all clients, and the seconds it took: `edit` previews and applies until the operation is over, `preview`
// only previews, `reference` asks the baseline for the same, which must be told each client: they have the numbers from 1 on.
// node bulk.js edit|preview|reference ADDRESS KEY COUNT VALUE
const { ask, since, finish } = require('./api.js');

const [what, address, key, counted, value] = process.argv.slice(2);
const count = Number(counted);
const assignments = [{ field: 'fields.cf_manager', set: value }];
const be = (is, should) => {
  if (is !== should) throw new Error(`${is} clients instead of ${should}`);
};

// Makes the connection, so that it is the edit which is measured and not the first request of a new program.
const connect = path => ask('GET', `${address}${path}`, key);

async function edit() {
  await connect('/v1/bulk-edits?limit=1');
  const began = process.hrtime.bigint();
  const preview = await ask('POST', `${address}/v1/bulk-edits`, key, { selection: { all: true }, assignments });
  be(preview.to_change, count);
  let operation = await ask('POST', `${address}/v1/bulk-edits/${preview.id}/application`, key, {});
  while (operation.status !== 'finished') {
    if (operation.status === 'failed') throw new Error(JSON.stringify(operation));
    await new Promise(done => setTimeout(done, 2));
    operation = await ask('GET', `${address}/v1/operations/${operation.id}`, key);
  }
  const took = since(began);
  be(operation.result.changed, count);
  return took;
}

async function preview() {
  await connect('/v1/bulk-edits?limit=1');
  const began = process.hrtime.bigint();
  const found = await ask('POST', `${address}/v1/bulk-edits`, key, { selection: { all: true }, assignments });
  const took = since(began);
  be(found.to_change, count);
  return took;
}

async function reference() {
  const numbers = Array.from({ length: count }, (_, n) => n + 1);
  await connect('/clients/1');
  const began = process.hrtime.bigint();
  const said = await ask('POST', `${address}/clients/bulk-update`, '', { ids: numbers, field: 'cf_manager', value });
  const took = since(began);
  be(said.updated, count);
  return took;
}

({ edit, preview, reference })[what]().then(took => console.log(took.toFixed(4))).then(finish, error => { console.error(error); process.exit(1); });
