# Chatwoot's own state, as it has to be before anybody can reach it and whenever it drifts. Loaded by
# prepare.rake inside the application; every step looks first and changes only what differs. What it
# brings about is in application.json; what people made in the user interface is left alone.

WANTED = JSON.parse(File.read('/etc/borgstack/application.json'))
FIRST_PASSWORDS = '/var/lib/borgstack/first-passwords'

# Give a record these attributes; says what it did, never a value.
def put(record, what, **attributes)
  record.assign_attributes(attributes)
  return record unless record.new_record? || record.changed?

  puts "provision: #{record.new_record? ? 'created' : 'corrected'} #{what}"
  record.save!
  record
end

# The web process reads these rows, never the environment; they exist after db:chatwoot_prepare.
def configure(name, value)
  row = InstallationConfig.find_or_initialize_by(name: name)
  return if row.persisted? && row.value == value

  row.value = value
  row.save!
  puts "provision: set #{name}"
end

# Written before the user is made, so that a run killed in between loses nothing.
def first_password(email)
  path = File.join(FIRST_PASSWORDS, email)
  return File.read(path).chomp if File.exist?(path)

  password = "#{SecureRandom.alphanumeric(20)}-Aa1"
  File.open("#{path}.new", File::WRONLY | File::CREAT | File::TRUNC, 0o600) do |file|
    file.puts(password)
    file.fsync
  end
  File.rename("#{path}.new", path)
  password
end

def join(account, user, role, **attributes)
  place = AccountUser.find_or_initialize_by(account_id: account.id, user_id: user.id)
  put(place, "the place of #{user.email} in the account", role: role, **(place.new_record? ? attributes : {}))
end

# Where mail goes out, an agent is invited by it: unconfirmed, with a password that nobody knows. The
# mail goes out after the commit, and asks for a password only where it finds who has invited them.
def new_agent(account, email, agent, inviter)
  invited = WANTED['invite']
  password = invited ? "#{SecureRandom.alphanumeric(40)}-Aa1" : first_password(email)
  user = User.new(name: agent['name'], email: email, password: password)
  user.skip_confirmation! unless invited
  ActiveRecord::Base.transaction do
    user.save!
    join(account, user, agent['role'], inviter: inviter)
  end
  puts "provision: created agent #{email}#{' and invited them' if invited}"
  user
end

configure('INSTALLATION_NAME', WANTED['installation_name'])
# The string: with the seeded boolean the sign-up endpoints stay open.
configure('ENABLE_ACCOUNT_SIGNUP', 'false')

administrator = WANTED['administrator']
admin = User.find_by(email: administrator['email'])
if admin.nil?
  admin = User.new(name: administrator['name'], email: administrator['email'],
                   password: ENV.fetch('CHATWOOT_ADMIN_PASSWORD'), type: 'SuperAdmin')
  admin.skip_confirmation!
  admin.save!
  puts 'provision: created the administrator'
end
put(admin, 'the administrator', type: 'SuperAdmin')

account = admin.account_users.order(:id).first&.account || Account.order(:id).first || Account.new
put(account, 'the account', name: WANTED['account']['name'], locale: WANTED['account']['locale'],
    custom_attributes: (account.custom_attributes || {}).merge('timezone' => WANTED['account']['timezone']))
join(account, admin, 'administrator')

# Declared, not read back: so n8n and the checks know it before Chatwoot does. A token is one person's:
# the administrator of before keeps everything else.
token = ENV.fetch('CHATWOOT_API_TOKEN')
ActiveRecord::Base.transaction do
  AccessToken.where(token: token).where.not(id: admin.access_token.id).find_each do |former|
    former.regenerate_token
    puts "provision: took the API token from #{former.owner.try(:email) || former.owner_type}"
  end
  put(admin.access_token, 'the API token', token: token)
end

WANTED['teams'].each do |team|
  record = Team.find_or_initialize_by(account_id: account.id, name: team['name'])
  put(record, "team #{team['name']}", **team.slice('description').compact.symbolize_keys)
end
WANTED['labels'].each do |label|
  record = Label.find_or_initialize_by(account_id: account.id, title: label['title'])
  put(record, "label #{label['title']}", **label.slice('color', 'description').compact.symbolize_keys)
end
WANTED['inboxes'].each do |inbox|
  # The oldest of its name, as the look at the database and n8n take it: names are not unique. One that
  # somebody has renamed keeps its webhook, and with it its conversations: it gets its name back.
  own = Inbox.where(account_id: account.id, channel_type: 'Channel::Api').order(:id)
  record = own.find_by(name: inbox['name'])
  record ||= inbox['webhook_url'] && own.where.not(name: WANTED['inboxes'].pluck('name'))
                                        .find { |one| one.channel.webhook_url == inbox['webhook_url'] }
  ActiveRecord::Base.transaction do
    record ||= Inbox.new(account: account, name: inbox['name'], channel: Channel::Api.create!(account: account))
    webhook = inbox['webhook_url']
    put(record.channel, "the webhook of inbox #{inbox['name']}", webhook_url: webhook) if webhook
    put(record, "inbox #{inbox['name']}",
        name: inbox['name'], enable_auto_assignment: inbox['auto_assignment'], lock_to_single_conversation: inbox['one_conversation'],
        greeting_enabled: inbox['greeting'].present?, greeting_message: inbox['greeting'])
  end
end
WANTED['webhooks'].each do |webhook|
  record = Webhook.find_or_initialize_by(account_id: account.id, url: webhook['url'])
  put(record, 'a webhook', subscriptions: webhook['events']) unless record.subscriptions&.sort == webhook['events'].sort && record.persisted?
end

WANTED['agents'].each do |agent|
  email = agent['email'].downcase
  user = User.find_by(email: email) || new_agent(account, email, agent, admin)
  join(account, user, agent['role'])
  Inbox.where(account_id: account.id, channel_type: 'Channel::Api', name: agent['inboxes']).each do |inbox|
    put(InboxMember.find_or_initialize_by(inbox_id: inbox.id, user_id: user.id), "#{email} in inbox #{inbox.name}")
  end
  Team.where(account_id: account.id, name: agent['teams']).each do |team|
    put(TeamMember.find_or_initialize_by(team_id: team.id, user_id: user.id), "#{email} in team #{team.name}")
  end
end
WANTED['former_agents'].each do |email|
  place = AccountUser.find_by(account_id: account.id, user_id: User.find_by(email: email.downcase)&.id)
  next if place.nil?

  place.destroy!
  puts "provision: took #{email} out of the account"
end

# A first password is for the first login: once its owner has another, the file is of no use.
Dir.each_child(FIRST_PASSWORDS) do |email|
  path = File.join(FIRST_PASSWORDS, email)
  user = User.find_by(email: email)
  File.delete(path) unless user&.valid_password?(File.read(path).chomp)
end

# While the flag stands, "/" offers a stranger to become super administrator.
if Redis::Alfred.get(Redis::Alfred::CHATWOOT_INSTALLATION_ONBOARDING)
  Redis::Alfred.delete(Redis::Alfred::CHATWOOT_INSTALLATION_ONBOARDING)
  puts 'provision: closed onboarding'
end
