// Signs in, uses the API, refreshes, signs out and is refused once the token has expired.
// Prints one JSON object per step, and no token. Ends with status 1 when a step goes wrong.
//
//   ORIGIN           where the API and /auth/v1 are, such as http://127.0.0.1:8000
//   EMAIL, PASSWORD  of an account
//   PUBLISHABLE_KEY  optional, `sb_publishable_...`
//   EXPIRED_TOKEN    optional, an access token that has expired; without it the journey waits
//                    for its own to expire, which takes an access-token lifetime of <= 60 s
//   LEEWAY_SECONDS   optional, for how long after the expiry the API still takes a token
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@supabase/supabase-js'
import WebSocket from 'ws'

const LONGEST_WAIT_SECONDS = 60
const { ORIGIN, EMAIL, PASSWORD, EXPIRED_TOKEN } = required('ORIGIN', 'EMAIL', 'PASSWORD')
const PUBLISHABLE_KEY = process.env.PUBLISHABLE_KEY ?? 'sb_publishable_development'
const LEEWAY_SECONDS = Number(process.env.LEEWAY_SECONDS ?? 10)

const supabase = createClient(ORIGIN, PUBLISHABLE_KEY, {
  auth: { autoRefreshToken: false, persistSession: false },
  realtime: { transport: WebSocket },
})

function required(...names) {
  const missing = names.filter((name) => !process.env[name])
  if (missing.length > 0) throw new Error(`set ${missing.join(', ')}`)
  return process.env
}

function say(step, seen) {
  console.log(JSON.stringify({ step, ...seen }))
}

function unwrap({ data, error }) {
  if (error) throw error
  return data
}

async function me(step, token) {
  const response = await fetch(`${ORIGIN}/api/v1/users/me`, {
    headers: { Authorization: `Bearer ${token}` },
  })
  const type = response.headers.get('content-type') ?? ''
  const body = type.includes('json') ? await response.json() : undefined
  say(step, { status: response.status, body })
}

async function expiredToken(session) {
  if (EXPIRED_TOKEN) return EXPIRED_TOKEN
  const seconds = session.expires_at + LEEWAY_SECONDS + 1 - Date.now() / 1000
  if (seconds > LONGEST_WAIT_SECONDS) throw new Error(`the token is good for ${seconds} s more`)
  await sleep(Math.max(seconds, 0) * 1000)
  return session.access_token
}

const { session, user } = unwrap(
  await supabase.auth.signInWithPassword({ email: EMAIL, password: PASSWORD })
)
say('sign_in', { user_id: user.id, email: user.email, expires_in: session.expires_in })
await me('me', session.access_token)

const { session: renewed } = unwrap(await supabase.auth.refreshSession())
say('refresh', { rotated: renewed.refresh_token !== session.refresh_token })
await me('me_after_refresh', renewed.access_token)

const { error } = await supabase.auth.signOut()
say('sign_out', { error: error?.code ?? null })
const { error: refusal } = await supabase.auth.refreshSession({
  refresh_token: renewed.refresh_token,
})
say('refresh_after_sign_out', { error: refusal?.code ?? null })

await me('me_after_expiry', await expiredToken(renewed))
