# Base of all controllers. Pages carry Rails' default X-Frame-Options: SAMEORIGIN.
class ApplicationController < ActionController::Base
  include SwitchLocale
  skip_forgery_protection
  # Upstream's Rails 7.1 keeps one connection for a request; 7.2 would take and check one for each query.
  before_action -> { ActiveRecord::Base.lease_connection }

  private

  # As vite_ruby does: the manifest decides, and an entry that is missing there is an error (facts 9, stale volume).
  def vite_entry(name)
    JSON.parse(Rails.public_path.join('vite/.vite/manifest.json').read).fetch("entrypoints/#{name}.js")
  end
  helper_method :vite_entry
end
