# The sign-in of browsers and apps, as devise_token_auth keeps it: hashed tokens in users.tokens, one for each client.
# They are not in Redis, so a restart or a flush logs nobody out (facts 5).
module SessionTokens
  LIFETIME = 2.months
  CLIENTS = 25

  # Returns the headers that the client sends back with each request.
  def new_session
    client = SecureRandom.urlsafe_base64(16)
    token = SecureRandom.urlsafe_base64(16)
    expiry = LIFETIME.from_now.to_i
    hash = BCrypt::Password.create(token, cost: BCrypt::Engine::MIN_COST).to_s
    kept = (tokens || {}).sort_by { |_, entry| -entry['expiry'] }.first(CLIENTS - 1).to_h
    update_columns(tokens: kept.merge(client => { token: hash, expiry: expiry }), sign_in_count: sign_in_count + 1,
                   last_sign_in_at: Time.current)
    { 'access-token' => token, 'token-type' => 'Bearer', 'client' => client, 'uid' => uid, 'expiry' => expiry.to_s }
  end

  def session?(client, token)
    entry = (tokens || {})[client]
    entry.present? && entry['expiry'] > Time.now.to_i && BCrypt::Password.new(entry['token']) == token
  end

  def end_session(client)
    update_columns(tokens: (tokens || {}).except(client))
  end
end
