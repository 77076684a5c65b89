// Takes the SAMPLE of docs/api.md at its word, twice: without a factor, and with one.
import { createHmac } from 'node:crypto'
import { createClient } from '@supabase/supabase-js'
import WebSocket from 'ws'

const { ORIGIN, EMAIL, PASSWORD, SAMPLE } = process.env
const supabase = createClient(ORIGIN, 'sb_publishable_development', {
  auth: { autoRefreshToken: false, persistSession: false },
  realtime: { transport: WebSocket },
})

function say(step, seen) {
  console.log(JSON.stringify({ step, ...seen }))
}

function unwrap({ data, error }) {
  if (error) throw error
  return data
}

// What an authenticator app shows now (RFC 6238).
function codeOf(secret) {
  let bits = ''
  for (const character of secret) {
    bits += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(character).toString(2).padStart(5, '0')
  }
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)))
  const digest = createHmac('sha1', key).update(counter).digest()
  const offset = digest[19] & 15
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

async function level(step) {
  const { currentLevel, nextLevel } = unwrap(
    await supabase.auth.mfa.getAuthenticatorAssuranceLevel()
  )
  say(step, { currentLevel, nextLevel })
}

// The server asks admins for a second factor; what the sample leaves to the page is here.
const sample = new (async () => {}).constructor('api', 'supabase', 'id', 'showPicture', 'askForCode', SAMPLE)
let picture = null
let secret = null
const enroll = supabase.auth.mfa.enroll.bind(supabase.auth.mfa)
supabase.auth.mfa.enroll = async (wanted) => {
  const answer = await enroll(wanted)
  secret = answer.data?.totp.secret
  return answer
}
const run = () =>
  sample(
    async () => new Response('{"code": "mfa_required"}', { status: 403 }),
    supabase,
    'somebody',
    (shown) => (picture = shown),
    async () => codeOf(secret)
  )

unwrap(await supabase.auth.signInWithPassword({ email: EMAIL, password: PASSWORD }))
await level('signed_in')
await run()
say('enrolled', { picture: picture.startsWith('data:image/svg+xml;utf-8,<svg') })
await level('verified')
unwrap(await supabase.auth.refreshSession())
await level('refreshed')
const { data } = await supabase.auth.getSession()
const response = await fetch(`${ORIGIN}/api/v1/users/me`, {
  headers: { Authorization: `Bearer ${data.session.access_token}` },
})
say('me', { status: response.status })
unwrap(await supabase.auth.signInWithPassword({ email: EMAIL, password: PASSWORD }))
await level('again')
picture = null
await run()
say('asked', { picture })
await level('raised')
const { totp } = unwrap(await supabase.auth.mfa.listFactors())
const wrong = await supabase.auth.mfa.challengeAndVerify({ factorId: totp[0].id, code: '000000' })
say('wrong', { code: wrong.error?.code ?? null })
unwrap(await supabase.auth.mfa.unenroll({ factorId: totp[0].id }))
unwrap(await supabase.auth.refreshSession())
await level('unenrolled')
