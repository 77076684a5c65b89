// Uploads, downloads and lists through signed URLs. Prints one JSON object per step.
//
//   ORIGIN       where /storage/v1 is
//   SERVICE_KEY  `sb_secret_...`
//   BUCKET       a private bucket that takes text/plain
import { createClient } from '@supabase/supabase-js'
import WebSocket from 'ws'

const { ORIGIN, SERVICE_KEY, BUCKET } = process.env
const CONTENT = 'content of a file'
const files = createClient(ORIGIN, SERVICE_KEY, {
  auth: { autoRefreshToken: false, persistSession: false },
  realtime: { transport: WebSocket },
}).storage.from(BUCKET)

function say(step, seen) {
  console.log(JSON.stringify({ step, ...seen }))
}

function unwrap({ data, error }) {
  if (error) throw error
  return data
}

async function upload(step, path, body) {
  const { token } = unwrap(await files.createSignedUploadUrl(path))
  const options = { contentType: 'text/plain' }
  say(step, unwrap(await files.uploadToSignedUrl(path, token, body, options)))
}

await upload('upload_form', 'a/form.txt', new Blob([CONTENT], { type: 'text/plain' }))
await upload('upload_bytes', 'a/bytes one.txt', new TextEncoder().encode(CONTENT))

const { error: duplicate } = await files.createSignedUploadUrl('a/form.txt')
say('upload_again', { status: duplicate.status, statusCode: duplicate.statusCode })

const options = { download: 'offered.txt' }
for (const path of ['a/form.txt', 'a/bytes one.txt']) {
  const { signedUrl } = unwrap(await files.createSignedUrl(path, 60, options))
  const response = await fetch(signedUrl, { headers: { Range: 'bytes=0-6' } })
  const disposition = response.headers.get('content-disposition')
  say('download', { status: response.status, text: await response.text(), disposition })
}

// As a player does: from the middle on, the end alone, and past the end.
for (const range of ['bytes=8-', 'bytes=-4', 'bytes=999-']) {
  const { signedUrl } = unwrap(await files.createSignedUrl('a/form.txt', 60))
  const response = await fetch(signedUrl, { headers: { Range: range } })
  const text = response.ok ? await response.text() : undefined
  say('seek', { status: response.status, range: response.headers.get('content-range'), text })
}

const names = unwrap(await files.list('a')).map((file) => file.name)
say('list', { names })
say('exists', { form: (await files.exists('a/form.txt')).data, none: (await files.exists('no')).data })
say('remove', { removed: unwrap(await files.remove(['a/form.txt'])).map((file) => file.name) })
