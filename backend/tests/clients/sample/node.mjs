// Makes the journey and prints one JSON object per step. Ends with status 1 when a step goes wrong.
import { journey } from './journey.js'

const { ORIGIN, PASSWORD } = process.env
await journey(ORIGIN, PASSWORD, (step, seen) => console.log(JSON.stringify({ step, seen })))
process.exit(0) // supabase-js would refresh its tokens for ever
