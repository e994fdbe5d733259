// A campaign through the API, from a template whose HTML comes out about as large as what the reference sends, until it is over.
// Prints a JSON line: mails, seconds from the dispatch's answer on, processor time of the programs meanwhile in milliseconds a
// mail, and the bytes of the HTML.
// node campaign.js ADDRESS KEY all|every|SEGMENT HTML_BYTES PID…; every is all of them, found by the field that segments are found by.
const { readFileSync } = require('node:fs');
const { ask, since, finish } = require('../rest/api.js');

const [address, key, who, wanted, ...pids] = process.argv.slice(2);
const TICKS = 100;
const FILLER = 'Gelieve de ontbrekende stukken tijdig te bezorgen, zodat wij de termijn kunnen halen en u geen boete riskeert. ';
const FIELDS = ['segment', 'manager', 'fee', 'employees', 'next_review', 'newsletter', 'language', 'notes'].map(name => `fields.cf_${name}`);

// As much to fill in as the reference's template has: fourteen paragraphs with four values each, choices, and a table.
function body(fillers) {
  const paragraph = 'Beste {{client.name}}, voor {{client.reference}} te {{client.town}} bereidt {{sender.name}} de aangifte van Q3 2026 voor. ';
  const rows = FIELDS.map(name => `<tr><td>{{#if ${name}}}{{${name}}}{{else}}open{{/if}}</td><td>{{#if ${name}}}betaald{{else}}open{{/if}}</td></tr>`);
  const reminder = '{{#if client.email}}<p><b>Herinnering aan {{client.email}}</b></p>{{else}}<p>Geen openstaande herinnering.</p>{{/if}}';
  return `<p>${paragraph}${FILLER.repeat(3)}</p>`.repeat(14) + reminder + `<table><tbody>${rows.join('')}</tbody></table>`
    + `<p>${FILLER.repeat(fillers)}</p><p>{{sender.name}}, {{practice.name}}</p><p><a href="{{links.unsubscribe}}">uitschrijven</a></p>`;
}

const texts = fillers => ({ nl: { subject: 'Dossier {{client.name}}', body: body(fillers) } });

// The first text whose HTML is at least as large as it is to be.
async function written() {
  const client = (await ask('GET', `${address}/v1/clients?limit=1`, key)).items[0].id;
  for (let fillers = 0; ; fillers++) {
    const preview = await ask('POST', `${address}/v1/template-previews`, key, { client_id: client, languages: texts(fillers) });
    const bytes = Buffer.byteLength(preview.html);
    if (bytes >= Number(wanted)) return { bytes, languages: texts(fillers) };
  }
}

// Processor time of the programs until now, in seconds, with that of their threads that are gone.
function processor() {
  const ticks = pid => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
    return Number(fields[11]) + Number(fields[12]);
  };
  return pids.reduce((sum, pid) => sum + ticks(pid), 0) / TICKS;
}

async function main() {
  const { bytes, languages } = await written();
  const template = await ask('POST', `${address}/v1/templates`, key, { name: `Bench ${process.hrtime.bigint()}`, languages });
  const segments = Array.from({ length: 20 }, (_, at) => `seg${String(at).padStart(2, '0')}`);
  const segment = { op: 'one_of', value: who === 'every' ? segments : [who] };
  const selection = who === 'all' ? { all: true } : { filter: { field: 'fields.cf_segment', ...segment } };
  // Marketing, so that each mail says where it is unsubscribed from, as the reference's do.
  const draft = await ask('POST', `${address}/v1/campaigns`, key, { template_id: template.id, selection, purpose: 'marketing' });
  const asked = process.hrtime.bigint();
  let operation = await ask('POST', `${address}/v1/campaigns/${draft.id}/dispatch`, key, {}, { 'if-match': `"${draft.revision}"` });
  const [dispatch, began, used] = [since(asked), process.hrtime.bigint(), processor()];
  while (operation.status !== 'finished') {
    if (operation.status === 'failed') throw new Error(JSON.stringify(operation));
    await new Promise(done => setTimeout(done, 20));
    operation = await ask('GET', `${address}/v1/operations/${operation.id}`, key);
  }
  const [seconds, spent] = [since(began), processor() - used];
  const { audience, recipients } = await ask('GET', `${address}/v1/campaigns/${draft.id}`, key);
  const { sent } = recipients;
  if (sent !== audience) throw new Error(`${sent} of ${audience} mails are sent: ${JSON.stringify(recipients)}`);
  return { sent, seconds, mails_per_s: Math.round(sent / seconds), ms_per_mail: (spent * 1000) / sent, html: bytes, dispatch };
}

main().then(said => console.log(JSON.stringify(said))).then(finish, error => { console.error(error); process.exit(1); });
