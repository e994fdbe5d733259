// Asks the server as a program does, for what leads readers to its pages: clients of four languages, the mails that they get,
// and links to previews.
import assert from 'node:assert/strict';

const { KLAAR_API: api, KLAAR_KEY: key, KLAAR_WORLD: world } = process.env;
const PATIENCE_MS = 60_000;

export const LANGUAGES = ['nl', 'fr', 'de', 'en'];
/** Which key presses the button for the first time; each has a client of each language. */
export const KEYS = ['Enter', 'Space'];

const SUBJECTS = { nl: 'Een aanbod voor', fr: 'Une offre pour', de: 'Ein Angebot für', en: 'An offer for' };
const BODY = '<p>{{client.name}}</p><p><a href="{{links.unsubscribe}}">×</a></p>';

export const pause = milliseconds => new Promise(resume => setTimeout(resume, milliseconds));

/** The answer of a request with the practice's key, or what the problem document says. */
export async function ask(method, path, body, headers = {}) {
  const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
  const answer = await fetch(`${api}/v1${path}`, { method, ...sent, headers: { Authorization: `Bearer ${key}`, ...sent.headers, ...headers } });
  const text = await answer.text();
  assert(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

async function mails() {
  return (await fetch(`${world}/api/mails`)).json();
}

/** Who gets no marketing, in the order of the list. */
export async function suppressed() {
  return (await ask('GET', '/suppressions?limit=200')).items;
}

/** A client of each language and key, with an address that is long enough for a narrow screen. */
export async function makeClients() {
  const clients = [];
  for (const language of LANGUAGES) {
    for (const pressed of KEYS) {
      const email = `${language}.${pressed}.boekhouding-en-administratie@bakkerij-peeters-en-dochters.example`.toLowerCase();
      const card = { name: `Bakkerij Peeters & dochters ${language} ${pressed}`, email, language };
      clients.push({ language, pressed, email, id: (await ask('POST', '/clients', card)).id });
    }
  }
  return clients;
}

/** Sends marketing to all of them, and adds to each the link in its mail's header. */
export async function sendMarketing(clients) {
  const texts = LANGUAGES.map(language => [language, { subject: `${SUBJECTS[language]} {{client.name}}`, body: BODY }]);
  const template = await ask('POST', '/templates', { name: 'Marketing', languages: Object.fromEntries(texts) });
  const wish = { template_id: template.id, selection: { all: true }, purpose: 'marketing' };
  const campaign = await ask('POST', '/campaigns', wish);
  await ask('POST', `/campaigns/${campaign.id}/dispatch`, {}, { 'If-Match': `"${campaign.revision}"` });
  const until = Date.now() + PATIENCE_MS;
  let arrived = [];
  while (arrived.length < clients.length) {
    assert(Date.now() < until, `${arrived.length} of ${clients.length} mails have arrived`);
    await pause(200);
    arrived = await mails();
  }
  for (const client of clients) {
    const mail = arrived.find(one => one.recipients.includes(client.email));
    assert(mail, `no mail for ${client.email}`);
    assert(mail.subject.startsWith(SUBJECTS[client.language]), `${client.email} has “${mail.subject}”`);
    const header = name => mail.headers.find(([known]) => known.toLowerCase() === name)?.[1] ?? '';
    assert.equal(header('list-unsubscribe-post'), 'List-Unsubscribe=One-Click');
    client.link = header('list-unsubscribe').replaceAll(/\s/g, '').match(/^<(http[^>]+)>$/)?.[1];
    assert(client.link?.startsWith(`${api}/unsubscribe?`), `List-Unsubscribe: ${header('list-unsubscribe')}`);
  }
}

/** The delivered template, in all four languages. */
export async function delivered() {
  const { items } = await ask('GET', '/templates');
  const whole = items.find(one => one.delivered);
  return ask('GET', `/templates/${whole.id}`);
}

/** A template whose mail cannot go out to these clients, with what is hard to show: long words and a wide table. */
export async function makeAwkward() {
  const cells = ['Ondernemingsnummer', 'Rechtsvorm', 'Toegangspunt', 'Verantwoordelijke', 'Aansluitingsdatum'];
  const table = `<table><tbody><tr>${cells.map(cell => `<td>${cell}</td>`).join('')}</tr></tbody></table>`;
  const body = `<p>{{client.vat_number}} ${'Aansprakelijkheidsverzekering'.repeat(4)}</p>${table}`;
  const texts = LANGUAGES.map(language => [language, { subject: `${'Jaarrekeningneerlegging'.repeat(3)} ${language}`, body }]);
  return ask('POST', '/templates', { name: 'Onhandig', languages: Object.fromEntries(texts) });
}

/** The link to the page of a preview. */
export async function previewLink(template, client, language) {
  const preview = await ask('GET', `/templates/${template.id}/preview?client_id=${client.id}&language=${language}`);
  return { url: preview.page_url, subject: preview.subject, text: preview.text };
}
