// Lists of many practices, whose keys stand in FILE: `prepare` makes a view in each and writes the paths to FILE.paths;
// `first` asks each once and prints how many a second that were.
// node many.js prepare|first ADDRESS FILE
const { readFileSync, writeFileSync } = require('node:fs');
const { ask, since, makeView, where, listPath, finish } = require('./api.js');

const [what, address, file] = process.argv.slice(2);
const read = name => readFileSync(name, 'utf8').split('\n').filter(Boolean);

// Sixteen at a time.
async function all(things, work) {
  let next = 0;
  const worker = async () => {
    while (next < things.length) await work(things[next++]);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

async function prepare() {
  const paths = [];
  await all(read(file).map(line => JSON.parse(line).key), async key => {
    const path = listPath(await makeView(address, key), where('cf_segment', 'eq', 'seg03'), '-fields.cf_fee');
    paths.push(`${path}\t${key}\n`);
  });
  writeFileSync(`${file}.paths`, paths.join(''));
}

async function first() {
  const paths = read(`${file}.paths`).map(line => line.split('\t'));
  const began = process.hrtime.bigint();
  await all(paths, async ([path, key]) => {
    const page = await ask('GET', address + path, key);
    if (!page.items.length || page.items.length !== Math.min(page.total, 50)) throw new Error(`${page.items.length} rows of ${page.total}`);
  });
  console.log((paths.length / since(began)).toFixed(0));
}

(what === 'prepare' ? prepare() : first()).then(finish, error => { console.error(error); process.exit(1); });
