# What a fresh production database starts with: settings, and in Redis the flag that opens the onboarding page (facts 7).
# The first line already needs Redis.
GlobalConfig.clear_cache
ConfigLoader.new.process
Redis::Alfred.set(Redis::Alfred::CHATWOOT_INSTALLATION_ONBOARDING, true) if Rails.env.production?
