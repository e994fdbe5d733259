// The page where readers of marketing say that they want no more of it.
import assert from 'node:assert/strict';
import { SCREENS, Tab } from './browser.js';
import { LANGUAGES, suppressed } from './klaar.js';

const { KLAAR_API: api } = process.env;

/** Looks at the page of a client's link on every screen; looking changes nothing. */
async function looked(browser, { language, link, email }, count) {
  let words;
  for (const screen of SCREENS) {
    const tab = await Tab.open(browser, language, screen);
    assert.equal(await tab.follow(link), 200);
    const seen = await tab.readable(language);
    assert(seen.words.includes(email), 'it does not say whom it is about');
    assert(words === undefined || words === seen.words, 'it says something else on another screen');
    words = seen.words;
    const reached = await tab.reachable();
    assert.deepEqual(reached.map(one => one.tag), ['button']);
    assert.equal(seen.controls, reached.length, 'Tab does not reach everything');
    tab.inOrder(reached);
    count.faintest = Math.min(count.faintest, seen.faintest);
    await tab.picture(`unsubscribe-${language}`);
    count.requests += await tab.close(api);
    count.pages += 1;
  }
  return words;
}

/** Presses the button, on every screen: the first time it is done, then nothing changes any more. */
async function pressed(browser, client, count) {
  let words;
  for (const [at, screen] of SCREENS.entries()) {
    const tab = await Tab.open(browser, client.language, screen);
    await tab.follow(client.link);
    await tab.tabTo(one => one.tag === 'button');
    await tab.picture(`unsubscribe-${client.language}-focus`);
    const before = await suppressed();
    assert.equal(await tab.press(client.pressed), 200);
    const seen = await tab.readable(client.language);
    assert(words === undefined || words === seen.words, 'it says something else the next time');
    words = seen.words;
    assert.deepEqual([await tab.reachable(), seen.controls], [[], 0], 'there is nothing more to do');
    const after = await suppressed();
    const row = after.find(one => one.address === client.email);
    assert.deepEqual([row?.scope, row?.reason], ['marketing', 'unsubscribed'], client.email);
    assert.equal(after.length, before.length + (at === 0 ? 1 : 0), 'addresses that get no marketing');
    count.faintest = Math.min(count.faintest, seen.faintest);
    await tab.picture(`unsubscribed-${client.language}`);
    count.requests += await tab.close(api);
    count.pages += 1;
  }
  return words;
}

/** A link that is not ours, with and without the language of its mail. */
async function forged(browser, { language, link }, count) {
  const changed = link.replace('token=', 'token=AAAA');
  const links = [changed, changed.replace(/&language=..$/, ''), `${api}/unsubscribe`, `${api}/unsubscribe?token=`];
  for (const screen of SCREENS) {
    for (const [at, one] of links.entries()) {
      const tab = await Tab.open(browser, language, screen);
      assert.equal(await tab.follow(one), 404, one);
      const seen = await tab.readable(language);
      assert.equal(seen.controls, 0);
      count.faintest = Math.min(count.faintest, seen.faintest);
      if (at === 0) await tab.picture(`unsubscribe-forged-${language}`);
      count.requests += await tab.close(api);
      count.pages += 1;
    }
  }
}

/** A link is in the language of its mail, whatever the reader's browser likes. */
async function ofTheMail(browser, clients) {
  for (const { language, link } of clients) {
    const tab = await Tab.open(browser, language === 'fr' ? 'de' : 'fr', SCREENS[0]);
    await tab.follow(link);
    await tab.readable(language);
    await tab.close(api);
  }
}

const differ = texts => assert.equal(new Set(texts).size, texts.length, 'two languages say the same');

/** All of it; tells each step that went as it should. */
export async function walkUnsubscribe(browser, clients, told) {
  const fresh = () => ({ pages: 0, requests: 0, faintest: Infinity });
  let count = fresh();
  const before = await suppressed();
  const asked = [];
  for (const client of clients) asked.push(await looked(browser, client, count));
  differ(asked);
  await ofTheMail(browser, clients);
  assert.deepEqual(await suppressed(), before, 'looking changes something');
  told('unsubscribe', `looked at ${count.pages} times in ${LANGUAGES.join(', ')}: nobody is unsubscribed by it`, count);

  count = fresh();
  const done = [];
  for (const client of clients) {
    done.push(await pressed(browser, client, count));
    if (client.pressed === 'Space') assert.equal(done.at(-1), done.at(-2), 'Enter and Space come to different pages');
  }
  differ(done.filter((_, at) => clients[at].pressed === 'Enter'));
  const addresses = (await suppressed()).map(one => one.address).sort();
  assert.deepEqual(addresses, clients.map(one => one.email).sort());
  told('unsubscribed', `${addresses.length} addresses with Enter and Space, each said in its language; again changes nothing`, count);

  count = fresh();
  for (const client of clients.filter(one => one.pressed === 'Enter')) await forged(browser, client, count);
  assert.equal((await suppressed()).length, clients.length);
  told('forged link', 'a page in the reader’s language, with status 404', count);
}
