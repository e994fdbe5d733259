// The page that shows a preview of a template to whoever has its address.
import assert from 'node:assert/strict';
import { SCREENS, Tab } from './browser.js';
import { LANGUAGES, previewLink } from './klaar.js';
import { look } from './looks.js';

const { KLAAR_API: api, KLAAR_LATER: later } = process.env;

/** The mail in its frame: in this language, all of it within reach, with nothing that runs or loads. */
async function mailIn(tab, language, subject, mayScroll) {
  const frame = tab.page.frames().find(one => one.url().includes('/preview/mail?'));
  assert(frame, 'the mail is not shown');
  const seen = await frame.evaluate(look);
  assert.deepEqual([seen.language, seen.title], [language, subject]);
  assert(seen.words.trim().length > 20, 'the mail is empty');
  assert.deepEqual([seen.scripts, seen.images], [0, 0], 'the mail has something to run or to load');
  assert.deepEqual(seen.faint, [], 'the mail has text with too little contrast');
  if (!mayScroll) tab.fits(seen, 'the mail');
  return { frame, seen };
}

/** The mail is longer than its frame: keys show the rest of it. */
async function scrolls(tab, frame) {
  const room = await frame.evaluate(() => document.scrollingElement.scrollHeight - innerHeight);
  if (room <= 0) return;
  await tab.tabTo(one => one.tag === 'iframe');
  await tab.page.keyboard.press('End');
  await assertSoon(() => frame.evaluate(() => scrollY > 0), 'keys do not scroll the mail');
}

async function assertSoon(holds, what) {
  for (let tries = 0; tries < 40; tries++) {
    if (await holds()) return;
    await new Promise(resume => setTimeout(resume, 50));
  }
  assert.fail(what);
}

/** One page, held to what it owes its reader. */
async function page(tab, reader, { language, subject, text }, mayScroll = false) {
  const seen = await tab.readable(reader);
  assert.equal(seen.headings[0], subject);
  const plain = await tab.page.evaluate(() => document.querySelector('pre').textContent);
  assert.equal(plain.trim(), text.trim(), 'the text of the mail');
  const marked = await tab.page.evaluate(() => [...document.querySelectorAll('h1, pre')].map(one => one.lang));
  assert.deepEqual(marked, [language, language], 'what the mail says is not marked as being in its language');
  const mail = await mailIn(tab, language, subject, mayScroll);
  return { frame: mail.frame, seen, faintest: Math.min(seen.faintest, mail.seen.faintest) };
}

/** Goes by Tab and Enter from language to language, and comes back to the first. */
async function throughLanguages(tab, reader, wanted, count) {
  const reached = await tab.reachable();
  tab.inOrder(reached.filter(one => one.tag !== 'iframe'));
  const links = reached.filter(one => one.tag === 'a');
  assert.equal(links.length, LANGUAGES.length, 'languages that Tab reaches');
  assert(reached.some(one => one.tag === 'iframe' && one.isShown), 'Tab does not reach the mail, or one does not see it');
  for (const { name } of [...links.slice(1), links[0]]) {
    await tab.tabTo(one => one.name === name);
    assert.equal(await tab.press('Enter'), 200);
    const { current } = await tab.tabTo(one => one.name === name);
    assert(current, `“${name}” is not said to be the language that is shown`);
    const language = new URL(tab.page.url()).searchParams.get('language');
    const { faintest } = await page(tab, reader, wanted.get(language));
    count.faintest = Math.min(count.faintest, faintest);
    count.pages += 1;
  }
}

/** The delivered template: every language that its reader may have, on every screen. */
async function deliveredPages(browser, template, clients, count) {
  for (const { language: reader, id } of clients) {
    const links = new Map();
    for (const language of LANGUAGES) links.set(language, { language, ...(await previewLink(template, { id }, language)) });
    for (const screen of SCREENS) {
      const tab = await Tab.open(browser, reader, screen);
      assert.equal(await tab.follow(links.get(reader).url), 200);
      const { frame, faintest } = await page(tab, reader, links.get(reader));
      count.faintest = Math.min(count.faintest, faintest);
      await tab.picture(`preview-${reader}`);
      await throughLanguages(tab, reader, links, count);
      await scrolls(tab, tab.page.frames().find(one => one !== tab.page.mainFrame()) ?? frame);
      count.requests += await tab.close(api);
      count.pages += 1;
    }
  }
}

/** A mail that lacks a value, with words and a table wider than the screen: the page says so and does not grow with it. */
async function awkwardPages(browser, template, clients, count) {
  for (const client of clients) {
    const link = { language: client.language, ...(await previewLink(template, client, client.language)) };
    for (const screen of SCREENS) {
      const tab = await Tab.open(browser, client.language, screen);
      assert.equal(await tab.follow(link.url), 200);
      const { seen, faintest } = await page(tab, client.language, link, true);
      assert(seen.words.includes('client.vat_number'), 'it does not say what is missing');
      count.faintest = Math.min(count.faintest, faintest);
      await tab.picture(`preview-missing-${client.language}`);
      count.requests += await tab.close(api);
      count.pages += 1;
    }
  }
}

/** Links that are not good, at the page and at the frame's own address: forged, sealed for another page, and too old. */
async function refusedPages(browser, template, clients, count) {
  for (const client of clients) {
    const { url } = await previewLink(template, client, client.language);
    const other = `${api}/preview?token=${new URL(client.link).searchParams.get('token')}`;
    const links = [url.replace(api, later), url.replace('token=', 'token=AAAA'), other, `${api}/preview`];
    for (const screen of SCREENS) {
      for (const [at, link] of [...links, links[1].replace('/preview?', '/preview/mail?')].entries()) {
        const tab = await Tab.open(browser, client.language, screen);
        assert.equal(await tab.follow(link), 404, link);
        const seen = await tab.readable(client.language);
        assert.equal(seen.controls, 0);
        count.faintest = Math.min(count.faintest, seen.faintest);
        if (at === 0) await tab.picture(`preview-expired-${client.language}`);
        count.requests += await tab.close(api, later);
        count.pages += 1;
      }
    }
  }
}

/** All of it; tells each step that went as it should. */
export async function walkPreview(browser, { delivered, awkward }, clients, told) {
  const fresh = () => ({ pages: 0, requests: 0, faintest: Infinity });
  let count = fresh();
  await deliveredPages(browser, delivered, clients, count);
  told('preview', `readers of ${LANGUAGES.join(', ')} go with Tab and Enter through all languages; each shows its mail`, count);
  count = fresh();
  await awkwardPages(browser, awkward, clients, count);
  told('missing value', 'is said; long words and a wide table stay in their place', count);
  count = fresh();
  await refusedPages(browser, delivered, clients, count);
  told('refused link', 'forged, of another page, or 20 minutes old: a page in the reader’s language, with status 404', count);
}
